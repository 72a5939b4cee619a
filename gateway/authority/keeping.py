"""The authority in its folder: made on the first start, whole or not at all, its key for its owner alone.

It is EC P-256 and good for ten years; its key is never logged. Source: RFC 5280.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.authority.drafts import draft

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "Wicketgate"
_AUTHORITY_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate, to be installed by those whose connections are inspected."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the certificate, in pairs of hex digits with colons between them."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def load_or_make(folder: Path) -> Authority:
    """The authority in `folder`, made now if there is none. Raises OSError or ValueError if it cannot be read."""
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists() and not key.exists():
        _save(folder, make(dt.datetime.now(dt.UTC)))
    secret = serialization.load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(secret, ec.EllipticCurvePrivateKey):
        raise ValueError(f"ca: `{key}` is no elliptic-curve key, move it away to have a new one made")  # noqa: TRY004 - a file is wrong, not an argument
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), secret)


def _save(folder: Path, authority: Authority) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / "ca.key", secret, 0o600)
    _write(folder / "ca.pem", authority.pem, 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_suffix(f"{path.suffix}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def make(now: dt.datetime) -> Authority:
    """A new authority, good for ten years from `now`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, _NAME), x509.NameAttribute(NameOID.COMMON_NAME, f"{_NAME} CA")]
    )
    signs = x509.KeyUsage(
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
    unsigned = (
        draft(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
    )
    return Authority(unsigned.sign(key, hashes.SHA256()), key)
