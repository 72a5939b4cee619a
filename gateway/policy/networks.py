"""Sets of networks: one set of prefixes per prefix length, so that the longest match is a few look-ups.

A hundred thousand networks take some 9 MB, and an address is found in about a microsecond, whatever their number. The
set holds what it is told and nothing else: addresses embedded in others are the matcher's business.
"""

from __future__ import annotations

from sys import getsizeof
from typing import TYPE_CHECKING, Final, Self

from gateway.policy.addresses import BITS, Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.policy.addresses import Address, Version

_VERSIONS: Final[tuple[Version, ...]] = (4, 6)
_NUMBER: Final = 32
"""Bytes of a whole number of up to 60 bits."""

type Prefixes = Mapping[tuple[Version, int], Iterable[int]]
"""Networks by version and prefix length, each by the number that its first `length` bits are."""


class AddressSet:
    """Networks of both versions. Immutable."""

    __slots__ = ("_prefixes",)

    def __init__(self, prefixes: Prefixes) -> None:
        """The set of `prefixes`, which must fit into their lengths; `of` is for networks that are values already."""
        ordered = sorted(prefixes.items(), key=lambda item: item[0][1], reverse=True)
        self._prefixes: dict[Version, tuple[tuple[int, frozenset[int]], ...]] = {
            version: tuple(
                (BITS[version] - length, frozenset(numbers))
                for (its_version, length), numbers in ordered
                if its_version == version
            )
            for version in _VERSIONS
        }

    @classmethod
    def of(cls, networks: Iterable[Network]) -> Self:
        """The set of these networks."""
        prefixes: dict[tuple[Version, int], set[int]] = {}
        for network in networks:
            number = network.value >> BITS[network.version] - network.length
            prefixes.setdefault((network.version, network.length), set()).add(number)
        return cls(prefixes)

    def find(self, address: Address) -> Network | None:
        """The narrowest network that holds the address, None if no network does."""
        value = address.value
        for shift, numbers in self._prefixes[address.version]:
            if value >> shift in numbers:
                return _network(address.version, shift, value >> shift)
        return None

    def covering(self, network: Network) -> Network | None:
        """The narrowest network of the set that holds all of `network`, None if no single one does."""
        narrowest = BITS[network.version] - network.length
        for shift, numbers in self._prefixes[network.version]:
            if shift >= narrowest and network.value >> shift in numbers:
                return _network(network.version, shift, network.value >> shift)
        return None

    def overlap(self, other: AddressSet) -> tuple[Network, Network] | None:
        """A network of this set and one of the other that share addresses, None if no two do."""
        for mine in self:
            if (theirs := other.covering(mine)) is not None:
                return mine, theirs
        for theirs in other:
            if (mine_around := self.covering(theirs)) is not None:
                return mine_around, theirs
        return None

    @property
    def memory(self) -> int:
        """Bytes that the set takes, about: its tables, and a number for every network."""
        tables = (numbers for lengths in self._prefixes.values() for _, numbers in lengths)
        return sum(getsizeof(numbers) + _NUMBER * len(numbers) for numbers in tables)

    def __iter__(self) -> Iterator[Network]:
        """All networks, the narrowest first."""
        for version, lengths in self._prefixes.items():
            for shift, numbers in lengths:
                for number in sorted(numbers):
                    yield _network(version, shift, number)

    def __len__(self) -> int:
        return sum(len(numbers) for lengths in self._prefixes.values() for _, numbers in lengths)


def _network(version: Version, shift: int, number: int) -> Network:
    return Network(version, number << shift, BITS[version] - shift)
