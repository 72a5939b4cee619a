"""Whether an authority can be used: what clients would object to is said before any of them meets it.

Source: RFC 5280 sections 4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.12 (extended key usage) and 6.1.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.authority.exports import name_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.authority.signers import Authority, SigningKey

_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_LEAST_RSA: Final = 2048
_RENEW: Final = "`wicketgate ca rotate` makes the next one, `wicketgate ca rotate --activate` lets it sign"


def problems(authority: Authority, now: dt.datetime) -> Iterator[str]:
    """Everything that keeps the authority from signing now, each with the way out; nothing if it can be used."""
    if authority.key.public_key() != authority.certificate.public_key():
        yield "the key does not belong to the certificate, bring the two that were made together"
    yield from _weak(authority.key)
    chain = (authority.certificate, *authority.chain)
    for below, each in enumerate(chain):
        yield from _no_authority(each, below)
        yield from _out_of_time(each, now)
    for one, above in pairwise(chain):
        if not _is_issued_by(one, above):
            yield (
                f"{_called(above)} did not sign {_called(one)}, "
                "name the certificates from the one that signs leaves up to the root"
            )


def _called(certificate: x509.Certificate) -> str:
    return f"the certificate `{name_of(certificate)}`"


def _weak(key: SigningKey) -> Iterator[str]:
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _LEAST_RSA:
            yield f"an RSA key of {key.key_size} bits is refused by clients, it needs {_LEAST_RSA} at least"
    elif not isinstance(key.curve, _CURVES):
        yield f"clients do not know the curve {key.curve.name}, use P-256, P-384 or P-521"


def _no_authority(certificate: x509.Certificate, below: int) -> Iterator[str]:
    """What is wrong with a certificate that has `below` authorities between it and a leaf."""
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is None or not basic.ca:
        yield f"{_called(certificate)} is no authority (basic constraints, CA:FALSE), bring one that may sign others"
    elif basic.path_length is not None and basic.path_length < below:
        yield (
            f"{_called(certificate)} allows {basic.path_length} authorities below it and there are {below} "
            "(path length), have it issued again"
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not usage.key_cert_sign:
        yield f"{_called(certificate)} may not sign certificates (key usage without keyCertSign), have it issued again"
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    serves = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and serves.isdisjoint(purposes):
        yield (
            f"{_called(certificate)} may not sign for servers (extended key usage without serverAuth), "
            "have it issued again"
        )


def _out_of_time(certificate: x509.Certificate, now: dt.datetime) -> Iterator[str]:
    if now < certificate.not_valid_before_utc:
        yield (
            f"{_called(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M}Z, "
            "look at the clock of this machine"
        )
    if now >= certificate.not_valid_after_utc:
        yield f"{_called(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: {_RENEW}"


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
