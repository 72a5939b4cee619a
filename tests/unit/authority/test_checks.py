from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.authority.checks import problems
from gateway.authority.making import make
from gateway.authority.signers import Authority
from tests.authorities import DAY, NOW, Issued, issue

ROOT = issue("root")
RSA = rsa.generate_private_key(65537, 2048)


def authority(issued: Issued, *chain: Issued) -> Authority:
    return Authority(issued.certificate, issued.key, tuple(each.certificate for each in chain))


@pytest.mark.parametrize(
    "good",
    [
        make(NOW),
        authority(ROOT),
        authority(issue("middle", ROOT), ROOT),
        authority(issue("middle", ROOT)),
        authority(issue("of RSA", key=RSA)),
        authority(issue("P-384", key=ec.generate_private_key(ec.SECP384R1()))),
        authority(issue("short", path_length=0)),
        authority(issue("web", more=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)])),
    ],
)
def test_an_authority_that_clients_accept_has_no_problem(good: Authority) -> None:
    assert list(problems(good, NOW)) == []


_SHORT = issue("short", path_length=0)
_MAIL = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)]


@pytest.mark.parametrize(
    ("said", "bad"),
    [
        (
            "the key does not belong to the certificate, bring the two that were made together",
            replace(authority(ROOT), key=issue().key),
        ),
        (
            (
                f"the certificate `old` expired on {NOW - DAY:%Y-%m-%d}: `wicketgate ca rotate` makes the next one, "
                "`wicketgate ca rotate --activate` lets it sign"
            ),
            authority(issue("old", since=NOW - 9 * DAY, until=NOW - DAY)),
        ),
        (
            (
                f"the certificate `new` is not valid before {NOW + DAY:%Y-%m-%d %H:%M}Z, "
                "look at the clock of this machine"
            ),
            authority(issue("new", since=NOW + DAY)),
        ),
        (
            "the certificate `plain` is no authority (basic constraints, CA:FALSE), bring one that may sign others",
            authority(issue("plain", is_authority=False)),
        ),
        (
            "the certificate `mute` may not sign certificates (key usage without keyCertSign), have it issued again",
            authority(issue("mute", signs=False)),
        ),
        (
            "the certificate `bare` may not sign certificates (key usage without keyCertSign), have it issued again",
            authority(issue("bare", signs=None)),
        ),
        (
            (
                "the certificate `mail` may not sign for servers (extended key usage without serverAuth), "
                "have it issued again"
            ),
            authority(issue("mail", more=_MAIL)),
        ),
        (
            "the certificate `short` allows 0 authorities below it and there are 1 (path length), have it issued again",
            authority(issue("below", _SHORT), _SHORT),
        ),
        (
            (
                "the certificate `root` did not sign the certificate `stranger`, "
                "name the certificates from the one that signs leaves up to the root"
            ),
            authority(issue("stranger", issue("other root")), ROOT),
        ),
        (
            "an RSA key of 1024 bits is refused by clients, it needs 2048 at least",
            authority(issue("weak", key=rsa.generate_private_key(65537, 1024))),  # noqa: S505 - too weak on purpose
        ),
        (
            "clients do not know the curve secp256k1, use P-256, P-384 or P-521",
            authority(issue("odd", key=ec.generate_private_key(ec.SECP256K1()))),
        ),
    ],
)
def test_what_clients_would_object_to_is_said_with_the_way_out(said: str, bad: Authority) -> None:
    assert [said] == list(problems(bad, NOW))


def test_all_problems_are_said_at_once_those_of_the_chain_too() -> None:
    root = issue("root", since=NOW - 9 * DAY, until=NOW - DAY, signs=False)

    assert len(list(problems(authority(issue("below", root, is_authority=False), root), NOW))) == 3
