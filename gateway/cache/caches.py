"""The caches of one gateway: one for every route that has one, so that no route's answers drive out another's.

What a change outdates is forgotten wherever it is kept, and an answer that was asked for before the change is not kept
when it comes: it may be older than what it would hide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.cache.cache import Cache
from gateway.cache.store import MemoryStore
from gateway.cache.tiers import Tiers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from gateway.cache.disk.store import DiskStore


class Room(Protocol):
    """How much may be kept, in bytes. Two that are equal are the same."""

    @property
    def size(self) -> int:
        """All answers together."""
        ...

    @property
    def largest(self) -> int:
        """Every single one."""
        ...


@dataclass(slots=True, eq=False)
class Expected:
    """An answer that was asked for and has not come whole. `holds` is False once a change has outdated it."""

    key: str
    holds: bool = True


@dataclass(slots=True)
class _Held:
    listener: str
    room: Room
    cache: Cache
    disk: DiskStore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What one route keeps: bytes in memory and on disk, and how many answers are on disk."""

    listener: str
    memory: int
    disk: int
    files: int


@dataclass(slots=True)
class Caches:
    """Every cache of a gateway; what is kept for one listener is never given by another.

    `folders` are held for those on disk, each with what lets go of it.
    """

    _held: dict[tuple[str, Room], _Held] = field(default_factory=dict)
    _expected: set[Expected] = field(default_factory=set)
    folders: dict[Path, Callable[[], None]] = field(default_factory=dict)

    def of(self, listener: str, room: Room) -> Cache:
        """The cache of a route; made when it is first asked for."""
        held = self._held.get((listener, room))
        return self.open(listener, room) if held is None else held.cache

    def open(self, listener: str, room: Room, disk: DiskStore | None = None) -> Cache:
        """Make the cache of a route, with a `disk` behind its memory if there is one."""
        memory = MemoryStore(room.size, room.largest)
        cache = Cache(memory if disk is None else Tiers(memory, disk))
        self._held[listener, room] = _Held(listener, room, cache, disk)
        return cache

    def retain(self, places: Collection[tuple[str, Room]]) -> None:
        """Let go of what is kept for routes that are no more; `places` are those that are, listener and room."""
        for place in self._held.keys() - set(places):
            gone = self._held.pop(place)
            gone.cache.store.purge(lambda _key: True)
            if gone.disk is not None:
                gone.disk.close(wait=False)

    def has(self, listener: str, room: Room) -> bool:
        """Whether there is a cache for such a route already."""
        return (listener, room) in self._held

    def close(self) -> None:
        """Let what is to be written be written, and end."""
        for disk in self._disks():
            disk.close()
        while self.folders:
            self.folders.popitem()[1]()

    def _disks(self) -> list[DiskStore]:
        return [held.disk for held in self._held.values() if held.disk is not None]

    def stock(self) -> list[Stock]:
        """What every route keeps, in the order in which they were made."""
        return [
            Stock(
                listener=each.listener,
                memory=each.cache.store.size,
                disk=0 if each.disk is None else each.disk.size,
                files=0 if each.disk is None else len(each.disk),
            )
            for each in self._held.values()
        ]

    def expect(self, key: str) -> Expected:
        """Remember that an answer was asked for now; to be given back by `came`."""
        expected: Final = Expected(key)
        self._expected.add(expected)
        return expected

    def came(self, expected: Expected) -> bool:
        """The answer has come, or will not come; whether it still holds."""
        self._expected.discard(expected)
        return expected.holds

    def outdate(self, listener: str, keys: Iterable[str]) -> None:
        """Forget what is kept under these keys, and do not keep what is on its way."""
        gone = frozenset(keys)
        for held in self._held.values():
            if held.listener == listener:
                for key in gone:
                    held.cache.store.forget(key)
        for expected in self._expected:
            expected.holds = expected.holds and expected.key not in gone

    def purge(self, takes: Callable[[str], bool]) -> int:
        """Drop every answer whose key (`https://shop.example/items`) it takes; returns how many keys of routes it were.

        What is on its way is not kept either.
        """
        for expected in self._expected:
            expected.holds = expected.holds and not takes(expected.key)
        return sum(len(held.cache.store.purge(takes)) for held in self._held.values())

    async def settled(self) -> None:
        """Wait until nothing that was dropped is on a disk any more."""
        for disk in self._disks():
            await disk.settled()

    @property
    def size(self) -> int:
        """What all kept answers cost, in bytes."""
        return sum(held.cache.store.size for held in self._held.values())

    def __bool__(self) -> bool:
        return bool(self._held)
