from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.authority.constraints import Constraints
from gateway.authority.making import make
from gateway.authority.signers import Authority, AuthorityUnusable, certificates_in, key_in, written
from tests.authorities import DAY, NOW, issue

ROOT = issue()
MIDDLE = issue("A company's proxies", ROOT)
LOWER = issue("One proxy", MIDDLE, until=NOW + 10 * DAY)


def test_a_file_holds_the_key_the_certificate_and_its_chain() -> None:
    authority = Authority(MIDDLE.certificate, MIDDLE.key, (ROOT.certificate,))

    text = written(authority)

    assert certificates_in(text, "file") == (MIDDLE.certificate, ROOT.certificate)
    assert key_in(text, "file").public_key() == MIDDLE.key.public_key()


def test_the_root_is_installed_and_what_lies_between_is_sent() -> None:
    alone = make(NOW)
    authority = Authority(LOWER.certificate, LOWER.key, (MIDDLE.certificate, ROOT.certificate))
    rootless = Authority(LOWER.certificate, LOWER.key, (MIDDLE.certificate,))

    assert (alone.anchor, alone.sent) == (alone.certificate, ())
    assert (authority.anchor, authority.sent) == (ROOT.certificate, (LOWER.certificate, MIDDLE.certificate))
    assert (rootless.anchor, rootless.sent) == (MIDDLE.certificate, (LOWER.certificate, MIDDLE.certificate))
    assert authority.pem == ROOT.pem


def test_it_holds_as_long_as_all_above_it_do() -> None:
    authority = Authority(MIDDLE.certificate, MIDDLE.key, (LOWER.certificate,))

    assert authority.not_after == LOWER.certificate.not_valid_after_utc
    assert authority.not_before == MIDDLE.certificate.not_valid_before_utc


def test_its_key_is_not_shown_by_accident() -> None:
    assert "key" not in repr(make(NOW))


def test_it_objects_to_what_its_chain_or_its_bounds_forbid_and_once_it_has_expired() -> None:
    constraint = Constraints.parse(["corp.example"], []).extension()
    root = issue(more=[(constraint, True)])
    below = issue("below", root)
    chained = Authority(below.certificate, below.key, (root.certificate,))
    bounded = replace(make(NOW), bounds=Constraints.parse([], ["bank.example"]))

    assert chained.objection("www.corp.example", NOW) is None
    assert chained.objection("www.example", NOW) == (
        "The gateway's authority may not sign for this host: its name constraints permit corp.example alone."
    )
    assert bounded.objection("bank.example", NOW) == (
        "The gateway's authority may not sign for this host: its name constraints exclude bank.example."
    )
    late = bounded.not_after
    assert bounded.objection("corp.example", late) == f"The gateway's authority expired on {late:%Y-%m-%d}."
    assert bounded.objection("corp.example", late - dt.timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("ca: `f` holds a key without its certificate, bring the file back", ROOT.secret()),
        ("ca: `f` holds no certificate in PEM, bring the file back", b"nothing"),
        (
            "ca: `f` holds a certificate that cannot be read, write it again",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
    ],
)
def test_a_text_without_certificates_is_explained(said: str, text: bytes) -> None:
    with pytest.raises(AuthorityUnusable) as refused:
        certificates_in(text, "f")
    assert str(refused.value).startswith(said)


_OTHER = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("said", "text", "passphrase"),
    [
        ("holds no private key, bring the file back from where it was kept", ROOT.pem, None),
        ("is encrypted, name its passphrase with `--passphrase-file`", ROOT.secret(b"word"), None),
        ("is not encrypted, leave `--passphrase-file` out", ROOT.secret(), b"word"),
        ("cannot be read, look whether the passphrase is right", ROOT.secret(b"word"), b"sword"),
        ("cannot be read, write it again, in PEM", b"-----BEGIN PRIVATE " + b"KEY-----\n", None),
        ("is neither EC nor RSA, which is all that clients know: bring one", _OTHER, None),
    ],
)
def test_a_text_without_a_usable_key_is_explained(said: str, text: bytes, passphrase: bytes | None) -> None:
    with pytest.raises(AuthorityUnusable) as refused:
        key_in(text, "f", passphrase)
    assert str(refused.value).endswith(said)
