from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from gateway.authority import rotating
from gateway.authority.keeping import load_or_make, read
from gateway.authority.signers import Authority
from gateway.cli.ca import main
from gateway.cli.outcome import OK, Unusable
from tests.authorities import NOW, issue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with an authority."""
    load_or_make(tmp_path / "ca")
    return tmp_path


def exported(state: Path, captured: pytest.CaptureFixture[bytes], *options: str) -> bytes:
    assert main(["export", "--state", str(state), *options]) == OK
    return captured.readouterr().out


def certificates(state: Path) -> list[x509.Certificate]:
    return [each.certificate for each in read(state / "ca")]


def test_what_is_exported_is_the_certificate_alone(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = exported(state, capfdbinary)

    assert x509.load_pem_x509_certificates(text) == certificates(state)
    assert b"PRIVATE" not in text


def test_during_a_rotation_both_are_exported_and_each_alone(
    state: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rotating.rotate(state / "ca", NOW)
    signing, following = certificates(state)

    assert x509.load_pem_x509_certificates(exported(state, capfdbinary)) == [signing, following]
    der = exported(state, capfdbinary, "--format", "der", "--role", "next")
    assert x509.load_der_x509_certificate(der) == following
    store = load_pkcs12(exported(state, capfdbinary, "--format", "p12", "--password", "changeit"), b"changeit")
    assert [each.certificate for each in store.additional_certs] == [signing, following]


def test_a_profile_names_its_owner(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    profile = plistlib.loads(exported(state, capfdbinary, "--format", "mobileconfig"))

    assert profile["PayloadOrganization"] == "Wicketgate"


def test_of_an_imported_one_the_root_is_exported(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    root = issue("root")
    below = issue("below", root)
    authority = Authority(below.certificate, below.key, (root.certificate,))
    rotating.install(tmp_path / "ca", authority, NOW, as_next=False)

    assert exported(tmp_path, capfdbinary) == root.pem
    profile = plistlib.loads(exported(tmp_path, capfdbinary, "--format", "mobileconfig"))
    assert profile["PayloadOrganization"] == "Wicketgate"


def test_it_is_written_to_a_file_if_that_is_wanted(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    file = state / "gateway-ca.pem"

    assert exported(state, capfdbinary, "--output", str(file)) == b""
    assert x509.load_pem_x509_certificates(file.read_bytes()) == certificates(state)


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("seal a p12 store with `--password WORD`", ["--format", "p12"]),
        ("leave `--password` out", ["--password", "changeit"]),
        ("der holds one certificate and clients should trust several, choose with `--role`", ["--format", "der"]),
        ("choose with `--role`", ["--format", "mobileconfig"]),
        ("there is no authority with the role `old`", ["--role", "old"]),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(said: str, options: list[str], state: Path) -> None:
    rotating.rotate(state / "ca", NOW)

    with pytest.raises(Unusable, match=said):
        main(["export", "--state", str(state), *options])
