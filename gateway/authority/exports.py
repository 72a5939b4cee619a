"""Certificates in the forms in which they are installed: PEM, DER, PKCS #12 and Apple's profiles; never a key.

Source: RFC 7468 (PEM), RFC 7292 (PKCS #12), and Apple's Configuration Profile Reference (`com.apple.security.root`).
"""

from __future__ import annotations

import plistlib
import uuid
from typing import TYPE_CHECKING, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12 as stores

if TYPE_CHECKING:
    from collections.abc import Sequence

type Algorithm = Literal["SHA-256", "SHA-1"]

_ALGORITHMS: Final[dict[Algorithm, hashes.HashAlgorithm]] = {
    "SHA-256": hashes.SHA256(),
    "SHA-1": hashes.SHA1(),  # noqa: S303 - a name that older dialogs show, nothing is signed with it
}


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    """The certificates as text, one behind the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def der(certificate: x509.Certificate) -> bytes:
    """One certificate in binary."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pkcs12(certificates: Sequence[x509.Certificate], password: str) -> bytes:
    """A store of trusted certificates for Java and others, sealed by `password`. Two calls give different bytes."""
    trusted = [stores.PKCS12Certificate(each, name_of(each).encode()) for each in certificates]
    return stores.serialize_java_truststore(trusted, serialization.BestAvailableEncryption(password.encode()))


def mobileconfig(certificate: x509.Certificate, organization: str) -> bytes:
    """A profile that installs the certificate on iOS, iPadOS and macOS; the same certificate gives the same profile."""
    root = certificate.issuer == certificate.subject
    title = name_of(certificate)
    payload = {
        "PayloadType": "com.apple.security.root" if root else "com.apple.security.pkcs1",
        "PayloadCertificateFileName": "ca.cer",
        "PayloadContent": der(certificate),
        **_payload(certificate, "certificate", title),
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadOrganization": organization,
        "PayloadDescription": f"Trusts the certificate authority {title}.",
        "PayloadContent": [payload],
        **_payload(certificate, "profile", title),
    }
    return plistlib.dumps(profile)


def _payload(certificate: x509.Certificate, part: str, title: str) -> dict[str, object]:
    mark = fingerprint(certificate, "SHA-256").replace(":", "").lower()
    return {
        "PayloadDisplayName": title,
        "PayloadIdentifier": f"wicketgate.ca.{mark[:16]}.{part}",
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{mark}.{part}")).upper(),
        "PayloadVersion": 1,
    }


def fingerprint(certificate: x509.Certificate, algorithm: Algorithm) -> str:
    """The digest of the certificate, in pairs of hex digits with colons between them."""
    return certificate.fingerprint(_ALGORITHMS[algorithm]).hex(":").upper()


def name_of(certificate: x509.Certificate) -> str:
    """What people call it: its common name, or all of its subject if it has none."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()
