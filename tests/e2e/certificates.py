"""Certificates as a test wants them, good and bad, and TLS servers that show them and remember what they were sent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
_NUMBERS = count(1)
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that is strong enough."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a certificate is to be; `days` from now on, from one number to another."""

    names: Sequence[str] = ("good.example",)
    common_name: str = "a certificate of a test"
    days: tuple[int, int] = (-30, 30)
    key: Key = field(default_factory=new_key)
    is_authority: bool = False
    signs_for: int | None = None
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH
    permitted: str | None = None
    digest: Any = field(default_factory=hashes.SHA256)


@dataclass(frozen=True)
class Certified:
    """A certificate with its key, and the chain above it that its owner shows."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def by_itself(cls, wish: Wish) -> Self:
        """A certificate that vouches for itself."""
        name = _name(wish.common_name)
        return cls(_draft(wish, name, wish.key).sign(wish.key, wish.digest), wish.key)

    def signs(self, wish: Wish) -> Certified:
        """A certificate that this one vouches for; those between it and a root are shown with it."""
        signed = _draft(wish, self.certificate.subject, self.key).sign(self.key, wish.digest)
        above = () if self.certificate.issuer == self.certificate.subject else (self.certificate, *self.chain)
        return Certified(signed, wish.key, above)

    def takes_back(self, *revoked: Certified, days: tuple[int, int] = (-1, 1)) -> bytes:
        """A CRL in PEM, good for these days from now on."""
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(NOW + days[0] * DAY)
            .next_update(NOW + days[1] * DAY)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            crl = crl.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
        return crl.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def whole(self) -> bytes:
        """Key, certificate and chain."""
        secret = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return secret + self.pem + b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in pairs of digits with colons."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":")

    def served(self, folder: Path) -> ssl.SSLContext:
        """What a server needs to show it, however weak it is."""
        path = folder / f"{next(_NUMBERS)}.pem"
        path.write_bytes(self.whole)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context


def authority(name: str = "a root of a test") -> Certified:
    """A root that is good for everything."""
    return Certified.by_itself(Wish(names=(), common_name=name, is_authority=True))


def _draft(wish: Wish, issuer: x509.Name, signer: Key) -> x509.CertificateBuilder:
    draft = (
        x509.CertificateBuilder()
        .subject_name(_name(wish.common_name))
        .issuer_name(issuer)
        .public_key(wish.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + wish.days[0] * DAY)
        .not_valid_after(NOW + wish.days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=wish.is_authority, path_length=wish.signs_for), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(wish.key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if wish.names:
        names = x509.SubjectAlternativeName([_general(name) for name in wish.names])
        draft = draft.add_extension(names, critical=False)
    if wish.is_authority:
        draft = draft.add_extension(_SIGNS, critical=True)
    else:
        draft = draft.add_extension(x509.ExtendedKeyUsage([wish.usage]), critical=False)
    if wish.permitted is not None:
        permitted = x509.NameConstraints([x509.DNSName(wish.permitted)], None)
        draft = draft.add_extension(permitted, critical=True)
    return draft


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
