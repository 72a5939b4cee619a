from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from gateway.authority.shown import Shown, is_weak, read_certificates, read_shown
from tests.e2e.certificates import Wish
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import CertificateSettings
    from gateway.policy.problems import Problem

NOW = dt.datetime.now(dt.UTC)
SHOP = Wish(names=("Shop.example", "*.shop.example"))


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.in_folder(tmp_path)


def read(given: CertificateSettings) -> tuple[Shown | None, list[str]]:
    problems: list[Problem] = []
    found = read_shown(given.certificate, given.key, NOW, problems, is_default=given.default)
    return found, [str(each) for each in problems]


def test_a_certificate_is_read_with_its_names_and_with_its_chain_but_the_root(ring: Keyring) -> None:
    between = ring.root.signs(Wish(names=(), common_name="between", is_authority=True))
    certified = between.signs(SHOP)
    given = ring.write("shop", certified)
    given.certificate.write_bytes(given.certificate.read_bytes() + ring.root.pem)

    found, problems = read(given)

    assert (problems, found is None) == ([], False)
    assert found is not None
    assert found.names == {"shop.example", "*.shop.example"}
    assert found.certificate == certified.certificate
    assert found.chain == (between.certificate,)
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("the certificate expired on", replace(SHOP, days=(-30, -1))),
        ("and not yet", replace(SHOP, days=(1, 30))),
        ("names no host (DNS) in its subject alternative names", replace(SHOP, names=())),
        ("names no host (DNS) in its subject alternative names", replace(SHOP, names=("192.0.2.1",))),
        ("weaker than 112 bits", replace(SHOP, key=ec.generate_private_key(ec.SECP192R1()))),
        ("names no host that can be asked for", replace(SHOP, names=("a.*.shop.example",))),
    ],
)
def test_what_clients_would_stumble_over_is_said(said: str, wish: Wish, ring: Keyring) -> None:
    found, [problem] = read(ring.write("shop", ring.root.signs(wish)))

    assert found is None
    assert problem.startswith(f"{ring.folder}/shop.pem:1:1")
    assert said in problem


def test_the_default_certificate_needs_no_names(ring: Keyring) -> None:
    found, problems = read(replace(ring.write("any", ring.root.signs(replace(SHOP, names=()))), default=True))

    assert problems == []
    assert found is not None
    assert (found.names, found.is_default) == (frozenset(), True)


def test_a_chain_out_of_order_is_said(ring: Keyring) -> None:
    between = ring.root.signs(Wish(names=(), common_name="between", is_authority=True))
    given = ring.write("shop", between.signs(SHOP))
    given.certificate.write_bytes(between.signs(SHOP).pem + ring.root.pem + between.pem)
    given.key.write_bytes(ring.write("other", between.signs(SHOP)).key.read_bytes())

    found, problems = read(given)

    assert found is None
    assert any("the chain is out of order: `CN=a root of a test` did not sign" in each for each in problems)


def test_the_key_of_another_certificate_is_said(ring: Keyring) -> None:
    one, other = ring.issue("one", "one.example"), ring.issue("other", "other.example")

    found, [problem] = read(replace(one, key=other.key))

    assert found is None
    assert f"the key is not that of the first certificate in `{one.certificate}`" in problem


def test_a_key_that_cannot_be_used_is_said(ring: Keyring) -> None:
    given = ring.issue("shop", "shop.example")
    sealed, odd = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    for said, content in (
        ("the key is encrypted", _pem(sealed, BestAvailableEncryption(b"word"))),
        ("of a kind that clients do not take", _pem(odd, NoEncryption())),
        ("no private key can be read here", b"nothing"),
    ):
        given.key.write_bytes(content)
        found, problems = read(given)
        assert (found, said in problems[0]) == (None, True)


def _pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, sealed: NoEncryption | BestAvailableEncryption
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


def test_a_key_that_everybody_can_read_is_not_used(ring: Keyring) -> None:
    given = ring.issue("shop", "shop.example")
    given.key.chmod(0o604)

    found, [problem] = read(given)

    assert found is None
    assert f"everybody on this machine can read the key, run `chmod 640 {given.key}`" in problem


def test_everything_that_is_wrong_is_said_at_once(ring: Keyring) -> None:
    given = ring.issue("shop", "shop.example")
    given.certificate.write_bytes(b"nothing")
    given.key.unlink()

    found, problems = read(given)

    assert (found, len(problems)) == (None, 2)
    assert "no certificate can be read here" in problems[0]
    assert "the file cannot be read: no such file or directory" in problems[1]
    assert read_certificates(ring.folder / "missing.pem", []) == []


@pytest.mark.parametrize(
    ("weak", "key"),
    [
        (False, rsa.generate_private_key(65537, 2048)),
        (True, ec.generate_private_key(ec.SECP192R1())),
        (False, ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_what_is_weak(weak: bool, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:  # noqa: FBT001 - a wanted value
    assert weak is is_weak(key.public_key())
