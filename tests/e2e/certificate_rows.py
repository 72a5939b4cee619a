"""Whom the gateway of a test believes, and what origins show to it: row by row, with the reason that each gets."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.e2e.certificates import Certified, Wish, authority

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE: Final = "127.0.0.2"
"""Where the origins listen."""
GOOD: Final = "good.example"


@dataclass(frozen=True)
class House:
    """Whom the gateway was told to believe: a root with a CRL, one without, and one whose CRL is past its time."""

    root: Certified = field(default_factory=authority)
    bare: Certified = field(default_factory=lambda: authority("without a CRL"))
    stale: Certified = field(default_factory=lambda: authority("with a stale CRL"))
    stranger: Certified = field(default_factory=lambda: authority("nobody knows me"))
    fired: Certified = field(init=False)
    between: Certified = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fired", self.root.signs(Wish()))
        object.__setattr__(self, "between", self.bare.signs(_between("revoked by its fingerprint")))


def _between(name: str, *, signs_for: int | None = None, permitted: str | None = None) -> Wish:
    return Wish(names=(), common_name=name, is_authority=True, signs_for=signs_for, permitted=permitted)


def _weak() -> Wish:
    return Wish(key=rsa.generate_private_key(public_exponent=65537, key_size=1024))  # noqa: S505 - that it is weak is the point


def _tampered(house: House) -> Certified:
    """A certificate whose signature is another's."""
    honest = house.root.signs(Wish())
    der = bytearray(honest.certificate.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return Certified(x509.load_der_x509_certificate(bytes(der)), honest.key)


def _by_expired_intermediate(house: House) -> Certified:
    above = house.root.signs(Wish(names=(), common_name="an old one in between", is_authority=True, days=(-30, -1)))
    return above.signs(Wish())


def _without_chain(house: House) -> Certified:
    whole = house.root.signs(_between("never shown")).signs(Wish())
    return Certified(whole.certificate, whole.key)


def _with_its_root(house: House) -> Certified:
    leaf = house.stranger.signs(Wish())
    return Certified(leaf.certificate, leaf.key, (house.stranger.certificate,))


TRUSTED: Final[dict[str, tuple[str, Callable[[House], Certified]]]] = {
    "its name": (GOOD, lambda house: house.root.signs(Wish())),
    "one of its names": ("b.example", lambda house: house.root.signs(Wish(names=("a.example", "b.example")))),
    "a wildcard for one label": ("www.good.example", lambda house: house.root.signs(Wish(names=("*.good.example",)))),
    "its address": (PLACE, lambda house: house.root.signs(Wish(names=(PLACE,)))),
    "a name in another alphabet": (
        "bücher.example",
        lambda house: house.root.signs(Wish(names=("xn--bcher-kva.example",))),
    ),
    "through one in between": (GOOD, lambda house: house.root.signs(_between("in between")).signs(Wish())),
    "an authority without a CRL": (GOOD, lambda house: house.bare.signs(Wish())),
}

REFUSED: Final[dict[str, tuple[str, str, Callable[[House], Certified]]]] = {
    "expired": ("upstream-expired", GOOD, lambda house: house.root.signs(Wish(days=(-30, -1)))),
    "expired above": ("upstream-expired", GOOD, _by_expired_intermediate),
    "not yet valid": ("upstream-not-yet-valid", GOOD, lambda house: house.root.signs(Wish(days=(1, 30)))),
    "self-signed": ("upstream-self-signed", GOOD, lambda _: Certified.by_itself(Wish())),
    "of a stranger": ("upstream-unknown-authority", GOOD, lambda house: house.stranger.signs(Wish())),
    "of a stranger who is shown": ("upstream-unknown-authority", GOOD, _with_its_root),
    "chain not shown": ("upstream-unknown-authority", GOOD, _without_chain),
    "another name": ("upstream-wrong-name", "other.example", lambda house: house.root.signs(Wish())),
    "a wildcard for two labels": (
        "upstream-wrong-name",
        "a.b.good.example",
        lambda house: house.root.signs(Wish(names=("*.good.example",))),
    ),
    "a wildcard for none": (
        "upstream-wrong-name",
        GOOD,
        lambda house: house.root.signs(Wish(names=("*.good.example",))),
    ),
    "a wildcard for a part": (
        "upstream-wrong-name",
        GOOD,
        lambda house: house.root.signs(Wish(names=("g*d.example",))),
    ),
    "a wildcard for all": ("upstream-wrong-name", GOOD, lambda house: house.root.signs(Wish(names=("*",)))),
    "only a common name": (
        "upstream-wrong-name",
        GOOD,
        lambda house: house.root.signs(Wish(names=(), common_name=GOOD)),
    ),
    "an address as a common name": (
        "upstream-wrong-name",
        PLACE,
        lambda house: house.root.signs(Wish(names=(GOOD,), common_name=PLACE)),
    ),
    "another address": ("upstream-wrong-name", PLACE, lambda house: house.root.signs(Wish(names=("127.0.0.3",)))),
    "a short key": ("upstream-weak-certificate", GOOD, lambda house: house.root.signs(_weak())),
    "for clients": (
        "upstream-bad-certificate",
        GOOD,
        lambda house: house.root.signs(Wish(usage=ExtendedKeyUsageOID.CLIENT_AUTH)),
    ),
    "signed by a leaf": (
        "upstream-bad-certificate",
        GOOD,
        lambda house: house.bare.signs(Wish(common_name="a leaf")).signs(Wish()),
    ),
    "too long a path": (
        "upstream-bad-certificate",
        GOOD,
        lambda house: house.root.signs(_between("last", signs_for=0)).signs(_between("one more")).signs(Wish()),
    ),
    "outside of its authority's names": (
        "upstream-bad-certificate",
        GOOD,
        lambda house: house.root.signs(_between("for others", permitted="corp.example")).signs(Wish()),
    ),
    "tampered with": ("upstream-bad-certificate", GOOD, _tampered),
    "revoked by a CRL": ("upstream-revoked", GOOD, lambda house: house.fired),
    "revoked by a fingerprint above": ("upstream-revoked", GOOD, lambda house: house.between.signs(Wish())),
    "a stale CRL": ("upstream-revocation-unknown", GOOD, lambda house: house.stale.signs(Wish())),
}


def _old(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that these versions are old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def _for_others(context: ssl.SSLContext) -> None:
    """Ciphers that want an RSA certificate, which it has not."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")


HANDSHAKES: Final = {"only old versions": _old, "no cipher in common": _for_others}
