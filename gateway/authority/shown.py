"""A certificate that a server shows: read from its files with every fault that clients would stumble over.

Its names are those of its subject alternative names, as clients look at no other (RFC 9525 section 6.3): exact ones,
and wildcards that stand for one whole label. The chain follows in the file of the certificate, each signed by the next.

Source: RFC 5280, RFC 9525, RFC 7468 (PEM).
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.policy.errors import Malformed
from gateway.policy.names import Host
from gateway.policy.problems import Place, Problem

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.authority.signers import SigningKey

_LEAST_RSA: Final = 2048
_LEAST_CURVE: Final = 224
_WILDCARD: Final = "*."


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A certificate with its chain and its key; `names` in canonical spelling, a wildcard as `*.shop.example`."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: SigningKey = field(repr=False)
    names: frozenset[str] = frozenset()
    is_default: bool = False


def read_shown(
    certificate: Path, key: Path, now: dt.datetime, problems: list[Problem], *, is_default: bool
) -> Shown | None:
    """What stands in these files; None if it cannot be used, and `problems` says why, all at once."""
    before = len(problems)
    chain = read_certificates(certificate, problems)
    secret = _read_key(key, problems)
    if chain:
        problems += [_problem(certificate, each) for each in _faults(chain, now)]
    if chain and secret is not None and chain[0].public_key() != secret.public_key():
        problems.append(_problem(key, f"the key is not that of the first certificate in `{certificate}`"))
    readable = len(problems)
    names = _names(chain[0], certificate, problems) if chain else frozenset()
    if chain and not names and not is_default and len(problems) == readable:
        sentence = "the certificate names no host (DNS) in its subject alternative names, get one that does"
        problems.append(_problem(certificate, sentence))
    if len(problems) > before or not chain or secret is None:
        return None
    return Shown(chain[0], tuple(_sent(chain)), secret, names, is_default)


def read_certificates(file: Path, problems: list[Problem]) -> list[x509.Certificate]:
    """All certificates of a PEM file, in order; none if it cannot be read, and `problems` says why."""
    content = read_file(file, problems)
    if content is None:
        return []
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        problems.append(_problem(file, "no certificate can be read here, give it in PEM"))
        return []


def read_file(file: Path, problems: list[Problem]) -> bytes | None:
    """The content of a file; None if it cannot be read, and `problems` says why."""
    try:
        return file.read_bytes()
    except OSError as error:
        problems.append(_problem(file, f"the file cannot be read: {(error.strerror or 'it cannot be opened').lower()}"))
        return None


def _problem(file: Path, sentence: str) -> Problem:
    return Problem(Place(str(file), 1, 1), "", sentence)


def _read_key(file: Path, problems: list[Problem]) -> SigningKey | None:
    content = read_file(file, problems)
    if content is None:
        return None
    if file.stat().st_mode & stat.S_IROTH:
        problems.append(_problem(file, f"everybody on this machine can read the key, run `chmod 640 {file}`"))
        return None
    try:
        found = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        problems.append(_problem(file, "the key is encrypted, and nobody is asked here: store it without a passphrase"))
        return None
    except ValueError:
        problems.append(_problem(file, "no private key can be read here, give it in PEM"))
        return None
    if not isinstance(found, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        problems.append(_problem(file, "the key is of a kind that clients do not take, use ECDSA or RSA"))
        return None
    return found


def _faults(chain: list[x509.Certificate], now: dt.datetime) -> Iterator[str]:
    """What clients would not accept in a chain, its first certificate being the one that is shown."""
    for each in chain:
        what = "the certificate" if each is chain[0] else f"the certificate of `{each.subject.rfc4514_string()}`"
        if each.not_valid_after_utc < now:
            yield f"{what} expired on {each.not_valid_after_utc:%Y-%m-%d}, get a new one"
        elif each.not_valid_before_utc > now:
            yield f"{what} holds from {each.not_valid_before_utc:%Y-%m-%d} on, and not yet"
        if is_weak(each.public_key()):
            yield f"the key of {what} is weaker than 112 bits, use ECDSA P-256 or RSA with {_LEAST_RSA} bits"
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            who = above.subject.rfc4514_string()
            yield f"the chain is out of order: `{who}` did not sign the certificate before it"


def is_weak(key: Any) -> bool:
    """Whether a public key gives less than 112 bits of security."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size < _LEAST_RSA
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size < _LEAST_CURVE


def _sent(chain: list[x509.Certificate]) -> Iterator[x509.Certificate]:
    """What is sent beside the first: a root is not, as whoever believes it has it."""
    return (each for each in chain[1:] if each.issuer != each.subject)


def _names(certificate: x509.Certificate, file: Path, problems: list[Problem]) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    names = set()
    for each in found.get_values_for_type(x509.DNSName):
        wildcard, bare = (_WILDCARD, each[2:]) if each.startswith(_WILDCARD) else ("", each)
        try:
            names.add(wildcard + Host.parse(bare).text)
        except Malformed as problem:
            problems.append(_problem(file, f"the certificate names no host that can be asked for: {problem}"))
    return frozenset(names)
