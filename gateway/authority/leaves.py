"""A certificate per inspected host, signed by the authority, as strict clients accept it.

It never outlives what is above it, and no browser's longest lifetime (398 days). Source: RFC 5280, RFC 6125 and the
baseline requirements of browsers.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.authority.drafts import draft
from gateway.authority.signers import AuthorityUnusable
from gateway.policy.names import Host

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from gateway.authority.signers import Authority

LONGEST: Final = dt.timedelta(days=365)
"""How long a leaf holds from now on, at most."""
_RENEWED_AT: Final = 0.9
_PROVES: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def sign_leaf(authority: Authority, host: str, key: ec.EllipticCurvePublicKey, now: dt.datetime) -> x509.Certificate:
    """A server certificate for one host, a name or an address literal. Empty subject: the name is in the extension.

    Raises AuthorityUnusable if the authority may not sign for it, and Malformed if it is no host.
    """
    place = Host.parse(host)
    objection = authority.objection(place.text, now)
    if objection is not None:
        raise AuthorityUnusable(objection)
    until = min(now + LONGEST, authority.not_after)
    unsigned = (
        draft(x509.Name([]), authority.certificate.subject, key, now, until)
        .add_extension(x509.SubjectAlternativeName([_general_name(place)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_PROVES, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_issued_by(authority.certificate), critical=False)
    )
    return unsigned.sign(authority.key, hashes.SHA256())


def renewal(leaf: x509.Certificate, now: dt.datetime) -> dt.datetime:
    """When a leaf that was signed now should be replaced: well before clients refuse it."""
    return now + (leaf.not_valid_after_utc - now) * _RENEWED_AT


def _issued_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """The identifier that the issuer gives itself; strict clients compare the two."""
    try:
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier(
            x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest, None, None
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _general_name(host: Host) -> x509.GeneralName:
    if host.address is not None:
        return x509.IPAddress(ipaddress.ip_address(host.text))
    return x509.DNSName(host.text)
