"""Certificates as other people issue them: right, and wrong in one thing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.authority.signers import SigningKey

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def usage(*, signs: bool) -> x509.KeyUsage:
    """The key usage of an authority, or of something else."""
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    more = dict.fromkeys((*others, "encipher_only", "decipher_only", "crl_sign"), False)
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, **more)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: SigningKey

    @property
    def pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(Encoding.PEM)

    def secret(self, passphrase: bytes | None = None) -> bytes:
        """The key as text."""
        sealed = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)

    def save(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Its certificate and its key as files."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.secret())
        return certificate, key


def issue(  # what can be wrong with a certificate is many things
    name: str = "A company's root",
    issuer: Issued | None = None,
    *,
    key: SigningKey | None = None,
    since: dt.datetime = NOW - DAY,
    until: dt.datetime = NOW + 365 * DAY,
    is_authority: bool = True,
    path_length: int | None = None,
    signs: bool | None = True,
    more: Iterable[tuple[Any, bool]] = (),
) -> Issued:
    """An authority, its own or another one's; `signs` is its key usage, None for no such extension."""
    key = ec.generate_private_key(ec.SECP256R1()) if key is None else key
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer = key if issuer is None else issuer.key
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder(extensions=[])
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(is_authority, path_length if is_authority else None), critical=True)
        .add_extension(identity, critical=False)
        .add_extension(by, critical=False)
    )
    for extension, critical in (*([] if signs is None else [(usage(signs=signs), True)]), *more):
        builder = builder.add_extension(extension, critical)
    return Issued(builder.sign(signer, hashes.SHA256()), key)
