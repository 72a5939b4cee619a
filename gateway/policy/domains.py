"""Sets of names: a sorted array of keyed 64-bit hashes, so that a million names take 8 MB and no text.

A host is on the list if its own hash is there, or the hash of a parent whose entry reaches below. Two names may share
a hash. By chance that happens to one look-up in 2**64 / entries (some 10**13 for a million names). By intent it must
not: whoever could compute hashes could search a name that is taken for one of an allow list. So the hash is Python's
SipHash with its per-process key over a secret prefix that the caller draws, and a look-up answers one bit: nobody can
search without asking the gateway each time, and the prefix holds even if `PYTHONHASHSEED` is fixed.

The hashes mean nothing to whoever lacks both secrets, and those are never stored.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from enum import StrEnum
from itertools import groupby, islice
from operator import eq
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.policy.names import Host

KEY_LENGTH: Final = 16
"""Bytes of a secret prefix: as many as SipHash has of key."""


class Reach(StrEnum):
    """Which hosts an entry stands for, in the words of the policy language."""

    IS = "is"
    """The name alone."""
    UNDER = "under"
    """The name and all names below it."""
    BELOW = "below"
    """The names below it alone (`*.name` of a zone file)."""


type Hashes = array[int] | memoryview[int]
"""Sorted hashes, eight bytes each."""
type _Parts = list[list[int]]

_PARTS: Final = 256
_FIRST_BYTE: Final = 56
_OF_ITSELF: Final = (Reach.IS, Reach.UNDER)
_OF_PARENTS: Final = (Reach.UNDER, Reach.BELOW)


class DomainSet:
    """Names and the exemptions from them. An exemption wins over every entry. Immutable; made by `DomainGathering`."""

    __slots__ = ("_exempt", "_key", "_listed")

    def __init__(self, key: bytes, listed: _Names, exempt: _Names) -> None:
        self._key, self._listed, self._exempt = key, listed, exempt

    def find(self, host: Host) -> str | None:
        """The entry that puts the host on the list: its own name or that of a parent. None if it is not on it."""
        entry = self._listed.find(self._key, host)
        return entry if entry is None or self._exempt.find(self._key, host) is None else None

    def moved(self, move: Callable[[Hashes], Hashes]) -> DomainSet:
        """The same set, with its hashes where `move` says that they are now."""
        return DomainSet(self._key, self._listed.moved(move), self._exempt.moved(move))

    def __len__(self) -> int:
        """How many entries there are, exemptions not counted."""
        return len(self._listed)

    @property
    def memory(self) -> int:
        """Bytes that the set takes."""
        return self._listed.memory + self._exempt.memory

    @property
    def exemptions(self) -> int:
        """How many exemptions there are."""
        return len(self._exempt)


class DomainGathering:
    """Gathers names for a set; what is kept of each is its hash. `key` is a secret of `KEY_LENGTH` bytes.

    Hashes are parted by their first byte at once. One list of a million would be sorted and freed in single steps that
    hold up every other thread for a tenth of a second and more, and takes longer.
    """

    __slots__ = ("_exempt", "_key", "_listed")

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_LENGTH:
            raise ValueError(f"a key of names has {KEY_LENGTH} secret bytes, not {len(key)}")
        self._key = key
        self._listed: dict[Reach, _Parts] = {}
        self._exempt: dict[Reach, _Parts] = {}

    def add(self, reach: Reach, names: Iterable[bytes], *, exempt: bool = False) -> None:
        """Take in names, as the canonical text of a host in bytes; a list of many at once is fastest."""
        gathered = self._exempt if exempt else self._listed
        if reach not in gathered:
            gathered[reach] = [[] for _ in range(_PARTS)]
        key, parts = self._key, gathered[reach]
        for each in [hash(key + name) for name in names]:
            parts[each >> _FIRST_BYTE].append(each)

    def done(self) -> DomainSet:
        """The set of all that was gathered. The gathering is empty afterwards."""
        return DomainSet(self._key, _Names(_ordered(self._listed)), _Names(_ordered(self._exempt)))


class _Names:
    """Hashes by what they reach, sorted."""

    __slots__ = ("_hashes", "_itself", "_parents", "_size", "memory")

    def __init__(self, hashes: dict[Reach, Hashes]) -> None:
        self._hashes = hashes
        self._itself = tuple(hashes[reach] for reach in _OF_ITSELF if reach in hashes)
        self._parents = tuple(hashes[reach] for reach in _OF_PARENTS if reach in hashes)
        self._size = sum(map(len, hashes.values()))
        self.memory = sum(each.itemsize * len(each) for each in hashes.values())

    def moved(self, move: Callable[[Hashes], Hashes]) -> _Names:
        return _Names({reach: move(each) for reach, each in self._hashes.items()})

    def find(self, key: bytes, host: Host) -> str | None:
        if not self._size:
            return None
        if _holds(self._itself, hash(key + host.text.encode())):
            return host.text
        for parent in islice(host.parents(), 1, None) if self._parents else ():
            if _holds(self._parents, hash(key + parent.encode())):
                return parent
        return None

    def __len__(self) -> int:
        return self._size


def _ordered(gathered: dict[Reach, _Parts]) -> dict[Reach, Hashes]:
    """All that was gathered, which is empty afterwards."""
    return {reach: _sorted(gathered.pop(reach)) for reach in tuple(gathered)}


def _holds(arrays: tuple[Hashes, ...], wanted: int) -> bool:
    for hashes in arrays:
        at = bisect_left(hashes, wanted)
        if at < len(hashes) and hashes[at] == wanted:
            return True
    return False


def _sorted(parts: _Parts) -> array[int]:
    """The hashes in order, each once; `parts` are empty afterwards."""
    ordered = array("q")
    middle = _PARTS // 2  # first bytes are signed: the upper half of the parts holds the negative hashes
    for part in (*parts[middle:], *parts[:middle]):
        part.sort()
        repeated = any(map(eq, part, islice(part, 1, None)))
        ordered.fromlist([each for each, _ in groupby(part)] if repeated else part)
        part.clear()
    return ordered
