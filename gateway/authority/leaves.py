"""A certificate per inspected host, signed by the authority, as strict clients accept it.

Source: RFC 5280, RFC 6125; lifetimes as browsers accept them.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.authority.drafts import draft

if TYPE_CHECKING:
    import datetime as dt

    from cryptography.hazmat.primitives.asymmetric import ec

    from gateway.authority.keeping import Authority

_LEAF_DAYS: Final = 365


def sign_leaf(authority: Authority, host: str, key: ec.EllipticCurvePublicKey, now: dt.datetime) -> x509.Certificate:
    """A server certificate for one host, a name or an address literal. Empty subject: the name is in the extension."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer = authority.certificate
    unsigned = (
        draft(x509.Name([]), issuer.subject, key, now, _LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return unsigned.sign(authority.key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
