"""Kept answers in memory in front of those on disk: written to both, given from memory.

What is only on disk is brought into memory when somebody asks for it, after every byte of it was checked. So nothing
that is damaged is ever given, and the rules of the cache see one store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.cache.disk.store import DiskStore
    from gateway.cache.messages import Asked
    from gateway.cache.store import Kept, MemoryStore


class Store(Protocol):
    """Where answers are kept. `most` bounds what is in memory, `most_each` every single answer, in bytes."""

    @property
    def most(self) -> int:
        """All answers in memory together."""
        ...

    @property
    def most_each(self) -> int:
        """Every single one."""
        ...

    @property
    def size(self) -> int:
        """What the answers in memory cost."""
        ...

    async def bring(self, request: Asked) -> None:
        """Make sure that `find` finds what is kept for a request."""

    def find(self, request: Asked) -> Kept | None:
        """The answer that was kept for a request like this one."""

    def knows(self, key: str) -> bool:
        """Whether there is any answer under this key, for whomever."""
        ...

    def keep(self, request: Asked, kept: Kept) -> bool:
        """Keep an answer in the place of the one before; False if it is too large."""
        ...

    def forget(self, key: str) -> bool:
        """Drop every answer under a key; whether there was one."""
        ...

    def purge(self, takes: Callable[[str], bool]) -> frozenset[str]:
        """Drop every answer whose key it takes; returns the keys."""
        ...


@dataclass(frozen=True, slots=True)
class Tiers:
    """A store in memory, with one on disk behind it."""

    memory: MemoryStore
    disk: DiskStore

    @property
    def most(self) -> int:
        """What is in memory is bounded by, in bytes."""
        return self.memory.most

    @property
    def most_each(self) -> int:
        """Every single answer is bounded by, in bytes."""
        return self.memory.most_each

    @property
    def size(self) -> int:
        """What the answers in memory cost, in bytes."""
        return self.memory.size

    async def bring(self, request: Asked) -> None:
        """Read what is only on disk."""
        if self.memory.find(request) is not None:
            return
        kept = await self.disk.read(request)
        if kept is not None and self.memory.find(request) is None:
            self.memory.keep(request, kept)

    def find(self, request: Asked) -> Kept | None:
        """The answer for a request like this one; what is only on disk has to be brought first."""
        return self.memory.find(request)

    def knows(self, key: str) -> bool:
        """Whether there is any answer under this key in either."""
        return self.memory.knows(key) or self.disk.knows(key)

    def keep(self, request: Asked, kept: Kept) -> bool:
        """Keep an answer in both; it is on the disk in a while. False if it is too large."""
        if not self.memory.keep(request, kept):
            self.disk.forget(request.key)
            return False
        self.disk.keep(request, kept)
        return True

    def forget(self, key: str) -> bool:
        """Drop every answer under a key; from the disk, too, when this returns."""
        known = self.disk.forget(key)
        return self.memory.forget(key) or known

    def purge(self, takes: Callable[[str], bool]) -> frozenset[str]:
        """Drop every answer whose key it takes; from the disk in a while."""
        return self.memory.purge(takes) | self.disk.purge(takes)
