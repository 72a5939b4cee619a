from __future__ import annotations

import datetime as dt
import hashlib
import plistlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from gateway.authority import exports
from gateway.authority.making import make

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime.now(dt.UTC)


def test_text_holds_every_certificate_and_nothing_else(certificate: x509.Certificate) -> None:
    other = make(NOW).certificate

    text = exports.pem([certificate, other])

    assert x509.load_pem_x509_certificates(text) == [certificate, other]
    assert b"PRIVATE" not in text


def test_binary_is_the_certificate_itself(certificate: x509.Certificate) -> None:
    assert x509.load_der_x509_certificate(exports.der(certificate)) == certificate


@pytest.mark.parametrize(("algorithm", "digest"), [("SHA-256", hashlib.sha256), ("SHA-1", hashlib.sha1)])
def test_a_fingerprint_is_written_as_dialogs_show_it(
    algorithm: exports.Algorithm, digest: type, certificate: x509.Certificate
) -> None:
    wanted = digest(certificate.public_bytes(Encoding.DER)).digest().hex(":").upper()

    assert wanted == exports.fingerprint(certificate, algorithm)


def test_a_store_holds_trusted_certificates_without_any_key(certificate: x509.Certificate) -> None:
    store = load_pkcs12(exports.pkcs12([certificate], "changeit"), b"changeit")

    assert (store.key, store.cert) == (None, None)
    assert [(each.certificate, each.friendly_name) for each in store.additional_certs] == [
        (certificate, exports.name_of(certificate).encode())
    ]


def test_a_store_is_closed_to_other_passwords(certificate: x509.Certificate) -> None:
    with pytest.raises(ValueError, match="password"):
        load_pkcs12(exports.pkcs12([certificate], "changeit"), b"changed")


def test_openssl_reads_a_store_and_java_finds_its_mark_of_trust(certificate: x509.Certificate, tmp_path: Path) -> None:
    store = tmp_path / "trust.p12"
    store.write_bytes(exports.pkcs12([certificate], "changeit"))

    command = ["openssl", "pkcs12", "-in", str(store), "-nokeys", "-passin", "pass:changeit"]
    read = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert f"friendlyName: {exports.name_of(certificate)}" in read
    assert "2.16.840.1.113894.746875.1.1" in read  # Oracle's attribute: without it, keytool sees no trusted entry
    assert certificate.public_bytes(Encoding.PEM).decode() in read


def test_a_profile_of_apple_installs_the_certificate_as_a_root(certificate: x509.Certificate) -> None:
    profile = plistlib.loads(exports.mobileconfig(certificate, "Example & Sons"))
    (payload,) = profile["PayloadContent"]

    assert (profile["PayloadType"], profile["PayloadOrganization"]) == ("Configuration", "Example & Sons")
    assert (payload["PayloadType"], payload["PayloadContent"]) == (
        "com.apple.security.root",
        certificate.public_bytes(Encoding.DER),
    )
    assert profile["PayloadUUID"] != payload["PayloadUUID"]


def test_the_same_certificate_gives_the_same_profile_and_another_one_another(certificate: x509.Certificate) -> None:
    first, again = (plistlib.loads(exports.mobileconfig(certificate, "Example")) for _ in range(2))
    other = plistlib.loads(exports.mobileconfig(make(NOW).certificate, "Example"))

    assert first == again
    assert {first["PayloadUUID"], first["PayloadIdentifier"]}.isdisjoint(
        {other["PayloadUUID"], other["PayloadIdentifier"]}
    )


def test_what_another_authority_signed_is_no_root_to_apple_and_is_called_by_its_whole_subject(
    certificate: x509.Certificate,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example")])
    intermediate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
        .sign(key, SHA256())
    )
    (payload,) = plistlib.loads(exports.mobileconfig(intermediate, "Example"))["PayloadContent"]

    assert (payload["PayloadType"], payload["PayloadDisplayName"]) == ("com.apple.security.pkcs1", "O=Example")
