"""Canonical addresses, the networks that hold them, and what they are for.

One address has one value: an IPv4-mapped IPv6 address *is* the IPv4 address and cannot exist as anything else. An
IPv6 address that carries an IPv4 address (NAT64, 6to4, Teredo, ISATAP ...) may be delivered to the one it carries,
so it is judged as itself and as everything it carries, and the most dangerous reading wins.

Sources: RFC 4291, RFC 5952 (text), RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214
(ISATAP), RFC 2765 (translated).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.errors import Malformed, quoted
from gateway.policy.special import METADATA_NAMES, METADATA_SERVICES, SPECIAL_V4, SPECIAL_V6, AddressClass, Special

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "METADATA",
    "METADATA_NAMES",
    "Address",
    "AddressClass",
    "Network",
    "Special",
    "classes",
    "classify",
    "in_class",
    "is_special",
    "special_parts",
    "special_range",
]

type Version = Literal[4, 6]

BITS: Final[dict[int, int]] = {4: 32, 6: 128}
_V4: Final = 4
_V6: Final = 6
_LOW32: Final = 0xFFFF_FFFF
_MAPPED_PREFIX: Final = 0xFFFF
_TRANSLATED_PREFIX: Final = 0xFFFF_0000
_LONGEST: Final = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
_REMEMBERED: Final = 4096

_QUAD: Final = re.compile(r"\.".join([r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"] * 4))
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An IPv4 or IPv6 address by its number. No zone, no mapped form: equal hosts have equal addresses."""

    version: Version
    value: int

    def __post_init__(self) -> None:
        if self.version not in BITS or not 0 <= self.value < 1 << BITS[self.version]:
            raise Malformed(f"`{self.value}` is not the number of an IPv{self.version} address")
        if self.version == _V6 and self.value >> 32 == _MAPPED_PREFIX:
            raise Malformed(f"an IPv4-mapped address has to be the IPv4 address {Address(4, self.value & _LOW32)}")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read a strict literal: four decimal numbers without leading zeros, or RFC 4291 text without a zone.

        `::ffff:a.b.c.d` is the IPv4 address. Raises Malformed.
        """
        if len(text) > _LONGEST:
            raise Malformed(f"{quoted(text)} is not an IP address")
        return _parse_address(text)

    @property
    def packed(self) -> bytes:
        """The 4 or 16 bytes in network order."""
        return self.value.to_bytes(BITS[self.version] // 8, "big")

    @property
    def embedded(self) -> tuple[Address, ...]:
        """The IPv4 addresses to which a translator or a tunnel might deliver this address; none for IPv4."""
        if self.version == _V4:
            return ()
        return tuple(dict.fromkeys(Address(4, value & _LOW32) for value in _carried(self)))

    @property
    def bucket(self) -> Address | Network:
        """The key for limits: an IPv6 client owns its whole /64."""
        return self if self.version == _V4 else Network(6, self.value >> 64 << 64, 64)

    def __str__(self) -> str:
        if self.version == _V4:
            value = self.value
            return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"
        return str(ipaddress.IPv6Address(self.value))


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """All addresses that begin with the first `length` bits of `value`."""

    version: Version
    value: int
    length: int

    def __post_init__(self) -> None:
        Address(self.version, self.value)
        if not 0 <= self.length <= BITS[self.version]:
            raise Malformed(f"`/{self.length}` is not a prefix length of IPv{self.version}")
        if self.value & self._host_mask:
            raise Malformed(f"{quoted(str(self))} has host bits set, use `{self._masked()}`")

    @classmethod
    def parse(cls, text: str) -> Network:
        """Read `10.0.0.0/8`, `2001:db8::/32`, or a bare address as /32 or /128. Raises Malformed.

        A network inside `::ffff:0:0/96` is the IPv4 network that it maps.
        """
        literal, slash, prefix = text.partition("/")
        address = Address.parse(literal)
        bits = BITS[address.version]
        if not slash:
            return cls(address.version, address.value, bits)
        if not _LENGTH.fullmatch(prefix):
            raise Malformed(f"{quoted(text)}: write the prefix length as a plain number, like `/{bits}`")
        length = int(prefix) - (96 if address.version == _V4 and ":" in literal else 0)
        if not 0 <= length <= bits:
            raise Malformed(f"{quoted(text)}: the prefix length is out of range")
        return cls(address.version, address.value, length)

    def __contains__(self, address: Address) -> bool:
        return address.version == self.version and address.value ^ self.value <= self._host_mask

    def __str__(self) -> str:
        return f"{_text(self.version, self.value)}/{self.length}"

    @property
    def _host_mask(self) -> int:
        return (1 << BITS[self.version] - self.length) - 1

    def _masked(self) -> Network:
        return Network(self.version, self.value & ~self._host_mask, self.length)


@lru_cache(maxsize=_REMEMBERED)
def classify(address: Address) -> AddressClass:
    """The most dangerous class of the address and of all that it carries, in the order of `AddressClass`."""
    found = classes(address)
    return next(kind for kind in AddressClass if kind in found)


@lru_cache(maxsize=_REMEMBERED)
def classes(address: Address) -> frozenset[AddressClass]:
    """Every class that holds the address or one that it carries; `public` only when nothing special does."""
    found = frozenset(entry.kind for part in (address, *address.embedded) for entry in _ranges(part))
    return found or frozenset({AddressClass.PUBLIC})


def in_class(address: Address, kind: AddressClass) -> bool:
    """Whether the address, or one that it carries, is of this class: a metadata address is link-local too."""
    return kind in classes(address)


def is_special(address: Address) -> bool:
    """Whether anything but `public` holds of the address or of an address that it carries."""
    return AddressClass.PUBLIC not in classes(address)


@lru_cache(maxsize=_REMEMBERED)
def special_parts(address: Address) -> tuple[Address, ...]:
    """The address and the addresses that it carries, as far as they are special.

    Whoever opens a special destination has to open each of these: opening 64:ff9b::/96 does not open the 10.0.0.1
    inside `64:ff9b::a00:1`.
    """
    return tuple(part for part in (address, *address.embedded) if any(_ranges(part)))


def special_range(address: Address) -> Special | None:
    """The special range that decided `classify`, to be shown with its name; None for a public address."""
    found = [entry for part in (address, *address.embedded) for entry in _ranges(part)]
    order = list(AddressClass)
    return min(found, key=lambda entry: order.index(entry.kind), default=None)


@lru_cache(maxsize=_REMEMBERED)
def _parse_address(text: str) -> Address:
    if quad := _QUAD.fullmatch(text):
        first, second, third, fourth = quad.groups()
        return Address(4, int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth))
    if "%" in text:
        raise Malformed(f"{quoted(text)}: an address with a zone id is not accepted")
    try:
        value = int(ipaddress.IPv6Address(text))
    except ValueError:
        raise Malformed(f"{quoted(text)} is not an IP address") from None
    return Address(4, value & _LOW32) if value >> 32 == _MAPPED_PREFIX else Address(6, value)


def _text(version: Version, value: int) -> str:
    return str(Address(version, value))


def _lowest(value: int) -> tuple[int, ...]:
    return (value,)


def _six_to_four(value: int) -> tuple[int, ...]:
    return (value >> 80,)


def _teredo(value: int) -> tuple[int, ...]:
    """The server, and the client with all its bits inverted."""
    return (value >> 64, ~value)


def _translated(value: int) -> tuple[int, ...]:
    """All places where RFC 6052 puts the IPv4 address under a prefix of 96, 64, 56 or 48 bits.

    Byte 8 is no part of it. Nobody but the network's owner knows the length, so all four are judged.
    """
    return (
        value,
        value >> 24,
        (value >> 64 & 0xFF) << 24 | value >> 32 & 0xFF_FFFF,
        value >> 64 << 16 | value >> 40 & 0xFFFF,
    )


_CARRIERS: Final[tuple[tuple[Network, Callable[[int], tuple[int, ...]]], ...]] = (
    (Network.parse("64:ff9b::/96"), _lowest),
    (Network.parse("64:ff9b:1::/48"), _translated),
    (Network.parse("2002::/16"), _six_to_four),
    (Network.parse("2001::/32"), _teredo),
    (Network(6, _TRANSLATED_PREFIX << 32, 96), _lowest),
)
_ISATAP: Final = 0x5EFE
_UNIVERSAL_BIT: Final = 0x0200_0000


def _carried(address: Address) -> Iterator[int]:
    """The numbers of the IPv4 addresses inside an IPv6 address; only their low 32 bits count."""
    value = address.value
    for network, read in _CARRIERS:
        if address in network:
            yield from read(value)
    if value >> 32 & _LOW32 & ~_UNIVERSAL_BIT == _ISATAP:
        yield value
    if 1 < value <= _LOW32:
        yield value  # IPv4-compatible: deprecated, and still routed by some


type _Row = tuple[int, int, Special]


def _table(entries: tuple[Special, ...]) -> dict[int, tuple[_Row, ...]]:
    networks = [(Network.parse(entry.network), entry) for entry in entries]
    return {
        version: tuple((net.value, bits - net.length, entry) for net, entry in networks if net.version == version)
        for version, bits in BITS.items()
    }


_RANGES: Final = _table((*METADATA_SERVICES, *SPECIAL_V4, *SPECIAL_V6))

METADATA: Final = frozenset(Address.parse(entry.network.partition("/")[0]) for entry in METADATA_SERVICES)
"""The addresses at which clouds hand out credentials."""


def _ranges(address: Address) -> Iterator[Special]:
    """The special ranges that hold this very address, whatever it carries."""
    value = address.value
    return (entry for network, shift, entry in _RANGES[address.version] if (value ^ network) >> shift == 0)
