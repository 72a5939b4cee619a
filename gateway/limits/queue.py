"""Which cells of rates are idle: a heap in shared memory, as the limiter of one process has one.

A cell is queued once, under the time at which it was going to be idle then. It is idle no sooner, since that time only
grows; so the head of the queue is all that has to be looked at, and a cell found busy there moves back.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.limits.memory import Memory

_ITEM: Final = struct.Struct("<QI")
_SIZE: Final = struct.Struct("<I")
_LATEST: Final = (1 << 64) - 1

type Item = tuple[int, int]
"""Nanoseconds, and the number of a cell."""


class Queue:
    """A binary heap at `start`, with room for every cell."""

    __slots__ = ("_memory", "_origin", "_start")

    def __init__(self, memory: Memory, start: int) -> None:
        self._memory: Final = memory
        self._start: Final = start
        self._origin: Final = start + 16 - _ITEM.size

    def first(self) -> Item | None:
        """The cell that may be idle first, and when; None if there is none."""
        return self._item(1) if self._length() else None

    def push(self, when: int, cell: int) -> None:
        """Queue a cell that is not queued."""
        length = self._length() + 1
        self._memory.put(self._start, _SIZE.pack(length))
        self._rise(length, (min(when, _LATEST), cell))

    def postpone(self, when: int) -> None:
        """The first cell is idle later than it was thought to be."""
        self._sink((min(when, _LATEST), self._item(1)[1]), self._length())

    def pop(self) -> None:
        """The first cell is no more."""
        length = self._length()
        last = self._item(length)
        self._memory.put(self._start, _SIZE.pack(length - 1))
        if length > 1:
            self._sink(last, length - 1)

    def _rise(self, at: int, item: Item) -> None:
        while at > 1 and (above := self._item(at >> 1)) > item:
            self._put(at, above)
            at >>= 1
        self._put(at, item)

    def _sink(self, item: Item, length: int) -> None:
        at = 1
        while (child := 2 * at) <= length:
            below = self._item(child)
            if child < length and (other := self._item(child + 1)) < below:
                child, below = child + 1, other
            if below >= item:
                break
            self._put(at, below)
            at = child
        self._put(at, item)

    def _length(self) -> int:
        return int(_SIZE.unpack_from(self._memory.view, self._start)[0])

    def _item(self, at: int) -> Item:
        when, cell = _ITEM.unpack_from(self._memory.view, self._origin + at * _ITEM.size)
        return when, cell

    def _put(self, at: int, item: Item) -> None:
        self._memory.put(self._origin + at * _ITEM.size, _ITEM.pack(*item))
