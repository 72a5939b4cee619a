"""The caches of one gateway: one for every route that has one, so that no route's answers drive out another's.

What a change outdates is forgotten wherever it is kept, and an answer that was asked for before the change is not kept
when it comes: it may be older than what it would hide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.cache.cache import Cache
from gateway.cache.store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable


class Room(Protocol):
    """How much may be kept, in bytes."""

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


@dataclass(slots=True)
class Caches:
    """Every cache of a gateway; what is kept for one listener is never given by another."""

    _held: dict[tuple[str, int], _Held] = field(default_factory=dict)
    _expected: set[Expected] = field(default_factory=set)

    def of(self, listener: str, room: Room) -> Cache:
        """The cache of a route; made when it is first asked for."""
        place = (listener, id(room))
        held = self._held.get(place)
        if held is None:
            held = self._held[place] = _Held(listener, room, Cache(MemoryStore(room.size, room.largest)))
        return held.cache

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

    def purge(self, beginning: str = "") -> int:
        """Drop every answer whose key (`https://shop.example/items`) begins so; returns under how many keys it was.

        What is on its way is not kept either.
        """
        for expected in self._expected:
            expected.holds = expected.holds and not expected.key.startswith(beginning)
        return sum(held.cache.store.purge(beginning) for held in self._held.values())

    @property
    def size(self) -> int:
        """What all kept answers cost, in bytes."""
        return sum(held.cache.store.size for held in self._held.values())

    def __bool__(self) -> bool:
        return bool(self._held)
