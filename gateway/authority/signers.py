"""An authority as a value: a certificate that signs others, its key, and who signed it; and the file that holds them.

One file holds all of it, the key first: what belongs together is replaced together. Source: RFC 5280, RFC 7468.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.authority import exports
from gateway.authority.constraints import Constraints

if TYPE_CHECKING:
    import datetime as dt

type SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class AuthorityUnusable(ValueError):  # noqa: N818 - it says what is wrong with a file, and is no failure of ours
    """An authority cannot be used; `problems` says why and what to do, in words for people, all at once."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, with its key.

    `chain` holds who signed it, from the next one up to the root, if that is known. `bounds` constrains it further
    than its certificates do.
    """

    certificate: x509.Certificate
    key: SigningKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    bounds: Constraints = field(default_factory=Constraints)
    not_before: dt.datetime = field(init=False, compare=False)
    """When it and all above it have begun to hold."""
    not_after: dt.datetime = field(init=False, compare=False)
    """When it, or one above it, ceases to hold: no leaf outlives that."""
    _constraints: tuple[Constraints, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Asked for every tunnel, so they are read out of the certificates once.
        path = (self.certificate, *self.chain)
        object.__setattr__(self, "not_before", max(each.not_valid_before_utc for each in path))
        object.__setattr__(self, "not_after", min(each.not_valid_after_utc for each in path))
        found = tuple(each for each in (self.bounds, *map(Constraints.of, path)) if each != Constraints())
        object.__setattr__(self, "_constraints", found)

    @property
    def anchor(self) -> x509.Certificate:
        """What clients have to trust: the root, or the highest certificate that is known."""
        return anchor((self.certificate, *self.chain))

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """What is shown to clients beside a leaf: all between it and the root."""
        return tuple(each for each in (self.certificate, *self.chain) if each.issuer != each.subject)

    @property
    def pem(self) -> bytes:
        """The certificate to be installed by those whose connections are inspected."""
        return exports.pem([self.anchor])

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the certificate that signs, in pairs of hex digits with colons between them."""
        return exports.fingerprint(self.certificate, "SHA-256")

    def objection(self, host: str, now: dt.datetime) -> str | None:
        """Why it may not sign for this host now, or None."""
        if now >= self.not_after:
            return f"The gateway's authority expired on {self.not_after:%Y-%m-%d}."
        for each in self._constraints:
            objection = each.objection(host)
            if objection is not None:
                return f"The gateway's authority may not sign for this host: {objection}."
        return None


def anchor(certificates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    """What clients have to trust of an authority: its root, or the highest certificate that is known."""
    return next((each for each in certificates if each.issuer == each.subject), certificates[-1])


def written(authority: Authority) -> bytes:
    """The text of the file: key, certificate, chain. It is a secret."""
    secret = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + exports.pem([authority.certificate, *authority.chain])


def certificates_in(text: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a text, in its order; keys in it are not looked at. Raises AuthorityUnusable."""
    if b"-----BEGIN CERTIFICATE-----" not in text:
        key = b"PRIVATE KEY-----" in text
        what = "a key without its certificate" if key else "no certificate in PEM"
        raise AuthorityUnusable(f"ca: `{name}` holds {what}, bring the file back from where it was kept")
    try:
        return tuple(x509.load_pem_x509_certificates(text))
    except ValueError:
        raise AuthorityUnusable(f"ca: `{name}` holds a certificate that cannot be read, write it again") from None


def key_in(text: bytes, name: str, passphrase: bytes | None = None) -> SigningKey:
    """The key in a text. Raises AuthorityUnusable."""
    if b"PRIVATE KEY-----" not in text:
        raise AuthorityUnusable(f"ca: `{name}` holds no private key, bring the file back from where it was kept")
    try:
        key = serialization.load_pem_private_key(text, passphrase)
    except TypeError:
        way = "name its passphrase with `--passphrase-file`" if passphrase is None else "leave `--passphrase-file` out"
        state = "encrypted" if passphrase is None else "not encrypted"
        raise AuthorityUnusable(f"ca: the key in `{name}` is {state}, {way}") from None
    except ValueError:
        way = "look whether the passphrase is right" if passphrase is not None else "write it again, in PEM"
        raise AuthorityUnusable(f"ca: the key in `{name}` cannot be read, {way}") from None
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return key
    raise AuthorityUnusable(f"ca: the key in `{name}` is neither EC nor RSA, which is all that clients know: bring one")
