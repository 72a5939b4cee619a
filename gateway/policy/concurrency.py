"""Limits on how many exchanges run at once: a count per key, and a lease for each one counted.

A key is in the table only while it holds something, so the table never needs to forget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nlargest
from typing import TYPE_CHECKING, Self

from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gateway.policy.rates import Key


@dataclass(slots=True, eq=False)
class Lease:
    """The right to run, until `release`: once is enough, and more often does no harm. Also a context manager.

    What is held is given back by whoever counted it: the function, and the key that it was counted under.
    """

    _held: list[tuple[Callable[[Key], object], Key]] = field(default_factory=list)

    def join(self, other: Lease) -> None:
        """Take over what the other lease holds, which then holds nothing."""
        self._held += other._held
        other._held.clear()

    def release(self) -> None:
        """Give back what is held."""
        while self._held:
            give_back, key = self._held.pop()
            give_back(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@dataclass(slots=True)
class Concurrency:
    """Admits at most `limit` exchanges at once per key, and at most `capacity` keys. Not thread-safe."""

    limit: int
    capacity: int
    _counts: dict[Key, int] = field(default_factory=dict, init=False)

    def acquire(self, key: Key) -> Lease | None:
        """A lease, or None if the key holds all that it may or there is no room for another key."""
        if self.refusal(key) is not None:
            return None
        self._counts[key] = self._counts.get(key, 0) + 1
        return Lease([(self.give_back, key)])

    def give_back(self, key: Key) -> None:
        """One exchange less of this key: for leases alone, each of which does so once."""
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    def refusal(self, key: Key) -> Reason | None:
        """Why `acquire` would give no lease, None if it would."""
        if self._counts.get(key, 0) >= self.limit:
            return Reason.CONCURRENCY_EXCEEDED
        if key not in self._counts and len(self._counts) >= self.capacity:
            return Reason.LIMIT_TABLE_FULL
        return None

    def held(self, key: Key) -> int:
        """How many leases of this key are out."""
        return self._counts.get(key, 0)

    def resized(self, limit: int, capacity: int) -> Concurrency:
        """The same counts under another limit: leases that are out count on, and are given back to both."""
        other = Concurrency(limit, capacity)
        other._counts = self._counts
        return other

    @property
    def keys(self) -> int:
        """How many keys hold something."""
        return len(self._counts)

    def fullest(self, most: int) -> list[Key]:
        """The keys that hold most, the fullest first."""
        return nlargest(most, self._counts, key=self._counts.__getitem__)
