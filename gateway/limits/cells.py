"""A hash table of fixed size in shared memory: cells of one size, chained by bucket, with a list of the free ones.

Every cell has a name of 16 bytes, which is a keyed hash already, and the number of the limit that it belongs to. Memory
that is all zeros is an empty table.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits.memory import Memory

NAME: Final = 16
"""Bytes of a name."""
HEAD: Final = 24
"""Bytes of a cell before what it holds: the next cell of the bucket, the limit, the name."""
NONE: Final = 0
"""No cell."""

_HEAD: Final = struct.Struct("<II16s")
_TABLE: Final = struct.Struct("<III")
_NUMBER: Final = struct.Struct("<I")


class Cells:
    """`count` cells that hold `payload` bytes each, at `start`. Cells are named by where they begin."""

    __slots__ = ("_buckets", "_mask", "_memory", "_origin", "_size", "_start", "count", "end")

    def __init__(self, memory: Memory, start: int, count: int, payload: int) -> None:
        self._memory: Final = memory
        self._start: Final = start
        self._mask: Final = (1 << (count - 1).bit_length()) - 1
        self._buckets: Final = start + 16
        self._size: Final = HEAD + payload
        self._origin: Final = self._buckets + 4 * (self._mask + 1) - self._size
        self.count: Final = count
        self.end: Final = end_of(start, count, payload)

    def find(self, name: bytes) -> int:
        """The cell of this name, or NONE."""
        view = self._memory.view
        number: int = _NUMBER.unpack_from(view, self._bucket(name))[0]
        while number:
            cell: int = self._origin + number * self._size
            number, _, found = _HEAD.unpack_from(view, cell)
            if found == name:
                return cell
        return NONE

    def add(self, name: bytes, limit: int, payload: bytes) -> int:
        """A new cell, for a name that has none; NONE if there is no room."""
        fresh, free, used = _TABLE.unpack_from(self._memory.view, self._start)
        number: int
        cell: int
        if free:
            number, cell = free, self._origin + free * self._size
            free = _NUMBER.unpack_from(self._memory.view, cell)[0]
        elif fresh < self.count:
            number = fresh = fresh + 1
            cell = self._origin + number * self._size
        else:
            return NONE
        bucket, put = self._bucket(name), self._memory.put
        put(cell, _HEAD.pack(_NUMBER.unpack_from(self._memory.view, bucket)[0], limit, name) + payload)
        put(bucket, _NUMBER.pack(number))
        put(self._start, _TABLE.pack(fresh, free, used + 1))
        return cell

    def remove(self, cell: int) -> None:
        """Give the cell up."""
        view, put = self._memory.view, self._memory.put
        following, _, name = _HEAD.unpack_from(view, cell)
        link = self._bucket(name)
        while (at := self._origin + _NUMBER.unpack_from(view, link)[0] * self._size) != cell:
            link = at
        fresh, free, used = _TABLE.unpack_from(view, self._start)
        put(link, _NUMBER.pack(following))
        put(cell, _HEAD.pack(free, 0, bytes(NAME)))
        put(self._start, _TABLE.pack(fresh, self.number(cell), used - 1))

    def limit(self, cell: int) -> int:
        """The limit that a cell belongs to."""
        return int(_NUMBER.unpack_from(self._memory.view, cell + 4)[0])

    def number(self, cell: int) -> int:
        """The number of a cell, from 1 on."""
        return (cell - self._origin) // self._size

    def numbered(self, number: int) -> int:
        """The cell of a number."""
        return self._origin + number * self._size

    @property
    def used(self) -> int:
        """How many cells are in use."""
        return int(_TABLE.unpack_from(self._memory.view, self._start)[2])

    @property
    def made(self) -> int:
        """How many cells were ever in use, which are those of the first numbers."""
        return int(_TABLE.unpack_from(self._memory.view, self._start)[0])

    def is_used(self, cell: int) -> bool:
        """Whether somebody has this cell."""
        return any(self._memory.view[cell + 8 : cell + HEAD])

    def __iter__(self) -> Iterator[int]:
        """Every cell that is in use."""
        for number in range(1, self.made + 1):
            cell = self.numbered(number)
            if self.is_used(cell):
                yield cell

    def _bucket(self, name: bytes) -> int:
        return self._buckets + 4 * (int.from_bytes(name[:4], "little") & self._mask)


def end_of(start: int, count: int, payload: int) -> int:
    """Where a table of these cells ends that begins at `start`."""
    return start + 16 + 4 * (1 << (count - 1).bit_length()) + count * (HEAD + payload)
