from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.cli.ca import CERTIFICATE, main
from gateway.cli.outcome import OK, WRONG_USAGE, Unusable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with an authority; the file holds the key as well, as files of authorities may."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
    folder = tmp_path / "ca"
    folder.mkdir()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
    return tmp_path


def test_what_is_exported_is_the_certificate_alone(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["export", "--state", str(state)]) == OK

    exported = capfdbinary.readouterr().out
    assert exported.count(b"-----BEGIN CERTIFICATE-----") == 1
    assert b"PRIVATE" not in exported
    assert exported in (state / "ca" / CERTIFICATE).read_bytes()


def test_the_other_encoding_holds_the_same(state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    main(["export", "--state", str(state)])
    pem = capfdbinary.readouterr().out

    assert main(["export", "--state", str(state), "--format", "der"]) == OK
    assert capfdbinary.readouterr().out == ssl.PEM_cert_to_DER_cert(pem.decode())


def test_people_are_shown_what_they_have_to_compare(state: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["export", "--state", str(state)])
    der = ssl.PEM_cert_to_DER_cert(capfd.readouterr().out)

    assert main(["show", "--state", str(state)]) == OK
    assert capfd.readouterr().out.splitlines() == [
        "name         CN=test authority",
        f"fingerprint  {hashlib.sha256(der).digest().hex(':').upper()} (SHA-256)",
        "valid        2026-01-01 to 2036-01-01",
    ]


def test_where_no_authority_is_its_beginning_is_explained(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="a forward proxy makes one on its first start"):
        main(["show", "--state", str(tmp_path)])


def test_a_file_that_holds_something_else_is_named(state: Path) -> None:
    (state / "ca" / CERTIFICATE).write_text("nothing of the kind", encoding="utf-8")

    with pytest.raises(Unusable, match=r"ca\.pem` holds no certificate in PEM"):
        main(["export", "--state", str(state)])


def test_without_a_verb_the_usage_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])

    assert left.value.code == WRONG_USAGE
    assert "show|export" in capfd.readouterr().err
