"""How many clients are connected to all workers together: counted in memory that they share.

`limits.connections` and `connections_per_client` hold for the gateway, whichever worker a connection goes to. Every
worker writes into counters of its own and adds up those of all, under a lock that the kernel takes away from a process
that dies; what a dead worker had counted is cleared before the next one has its place.

Clients are counted in a count-min sketch: four counters each, at places that a secret decides, of which the smallest
holds. It never counts too little, and too much only for a client all of whose places are somebody else's, too.

Source: Cormode, Muthukrishnan: An improved data stream summary: the count-min sketch and its applications (2005).
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.settings import LimitSettings
    from gateway.policy.addresses import Address

_ROWS: Final = 4
_PLACES: Final = struct.Struct(f"<{_ROWS}I")
_BYTES: Final = 4
"""Of a counter."""
_ROOM: Final = 8
"""Counters of a row, for every connection that there may be."""
SECRET: Final = 16
"""Bytes of the secret."""


def make_shared(workers: int, connections: int) -> int:
    """Memory for so many workers and connections, as an open file."""
    shared = os.memfd_create("wicketgate-connections", os.MFD_CLOEXEC)
    os.ftruncate(shared, workers * _slab(connections))
    return shared


def clear(shared: int, place: int, connections: int) -> None:
    """Forget what the worker of this place had counted, now that it is gone."""
    size = _slab(connections)
    with mmap.mmap(shared, 0) as memory, _locked(shared):
        memory[place * size : (place + 1) * size] = bytes(size)


@dataclass(slots=True)
class SharedCrowd:
    """The crowd as the worker of one `place` (from 0) of `workers` sees it; `shared` is the memory of all."""

    limits: LimitSettings
    shared: int
    place: int
    workers: int
    secret: bytes
    _counts: memoryview[int] = field(init=False)
    _width: int = field(init=False)

    def __post_init__(self) -> None:
        self._counts = memoryview(mmap.mmap(self.shared, 0)).cast("I")
        self._width = _width(self.limits.connections)

    def enter(self, client: Address | None) -> bool:
        """Whether there is room for one more of this client; counts it if so."""
        rows, limits = self._rows(client), self.limits
        with _locked(self.shared):
            if self._sum(0) >= limits.connections:
                return False
            if rows and min(map(self._sum, rows)) >= limits.connections_per_client:
                return False
            self._add(rows, 1)
        return True

    def leave(self, client: Address | None) -> None:
        """One of this client's connections is over."""
        with _locked(self.shared):
            self._add(self._rows(client), -1)

    def _add(self, rows: tuple[int, ...], number: int) -> None:
        mine = self.place * (1 + _ROWS * self._width)
        for each in (0, *rows):
            self._counts[mine + each] += number

    def _sum(self, index: int) -> int:
        """What all workers count at one place."""
        return sum(self._counts[index :: 1 + _ROWS * self._width])

    def _rows(self, client: Address | None) -> tuple[int, ...]:
        """Where a client is counted, one place of every row; a client that is not known yet counts in all alone."""
        if client is None:
            return ()
        digest = blake2b(repr(client.bucket).encode(), key=self.secret, digest_size=_PLACES.size).digest()
        return tuple(1 + row * self._width + place % self._width for row, place in enumerate(_PLACES.unpack(digest)))


def _width(connections: int) -> int:
    return _ROOM * connections


def _slab(connections: int) -> int:
    """Bytes of one worker: how many there are in all, and the rows."""
    return _BYTES * (1 + _ROWS * _width(connections))


@contextmanager
def _locked(shared: int) -> Iterator[None]:
    fcntl.lockf(shared, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(shared, fcntl.LOCK_UN)
