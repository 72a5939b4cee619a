"""Memory that processes share, changed under a lock that outlives no holder, and never left half changed.

The lock is a robust mutex in the memory itself (`gateway.limits.mutex`): of a process that dies, however it dies, the
next one has it. What that one was about to change is undone by whoever comes next: before a piece is overwritten, what
was there is written to a journal, as one entry whose mark (one byte, so that it is written or not) is set last. The
change is done when the first mark is taken back. So a change is there as a whole or not at all, at whatever instruction
its process was killed; a whole machine that dies takes the memory with it.

It is waited for, but not for ever: a process that is stopped while it holds the lock (a debugger, the freezer) makes
the others fail, which refuses. That a process lives is told by a POSIX record lock on a byte of the file, its mark.

Source: POSIX.1-2017, fcntl (F_SETLK, F_GETLK); undo logging as in Gray and Reuter, Transaction Processing, chapter 10.
"""

from __future__ import annotations

import fcntl
import os
import struct
from mmap import mmap
from typing import TYPE_CHECKING, Final, Self

from gateway.limits.mutex import Contended, Mutex

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Contended", "Memory"]

PATIENCE: Final = 0.25
"""Seconds to wait for the lock; it is held for microseconds."""

LOCK: Final = 128
"""Where the lock is."""

_FLOCK: Final = struct.Struct("@hhqqi4x")
_ENTRY: Final = struct.Struct("<HI")
"""Of the journal, before what was there: how many bytes, and where."""


class Memory:
    """`size` bytes of a file that processes share, with a journal of `room` bytes at `journal`.

    A context manager: inside, the lock is held; an exception undoes what was changed. `put` changes, `view` reads.
    `counts` is the same memory as numbers of four bytes: of those that one process alone ever changes, each is written
    in one piece, so that it needs neither the lock nor the journal.
    """

    __slots__ = ("_end", "_first", "_last", "counts", "fd", "mutex", "view")

    def __init__(self, fd: int, size: int, journal: int, room: int) -> None:
        self.fd: Final = fd
        self.view: Final = mmap(fd, size, trackfd=False)
        self.counts: Final = memoryview(self.view)[: size & ~3].cast("I")
        self.mutex: Final = Mutex(self.view, LOCK)
        self._first: Final = journal
        self._last: Final = journal + room
        self._end = journal

    def __enter__(self) -> Self:
        self.mutex.take(PATIENCE)
        if self.view[self._first]:
            self._undo()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._undo()
        self.commit()
        self.mutex.give_back()

    def put(self, at: int, new: bytes) -> None:
        """Change a piece of at most 65,535 bytes."""
        view, entry, size = self.view, self._end, len(new)
        body = entry + 1
        after = body + 6 + size
        if after >= self._last:
            raise MemoryError("a change of shared memory is larger than its journal")
        view[body : after + 1] = b"%b%b\0" % (_ENTRY.pack(size, at), view[at : at + size])
        view[entry] = 1
        view[at : at + size] = new
        self._end = after

    def commit(self) -> None:
        """What was changed so far stays."""
        self.view[self._first] = 0
        self._end = self._first

    def _undo(self) -> None:
        """Put back what was there before the change that was not finished, the last piece first."""
        view, entry, pieces = self.view, self._first, []
        while view[entry]:
            size = int.from_bytes(view[entry + 1 : entry + 3], "little")
            at = int.from_bytes(view[entry + 3 : entry + 7], "little")
            pieces.append((at, view[entry + 7 : entry + 7 + size]))
            entry += 7 + size
        for at, old in reversed(pieces):
            view[at : at + len(old)] = old
        self.commit()

    def claim(self, number: int) -> bool:
        """Hold a mark for as long as this process lives; False if another process holds it."""
        try:
            fcntl.lockf(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except BlockingIOError:
            return False
        return True

    def is_claimed(self, number: int) -> bool:
        """Whether another process holds this mark, and so is alive."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number, 1, 0)
        return bool(_FLOCK.unpack(fcntl.fcntl(self.fd, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        """Let go of the memory; the file is the caller's."""
        self.mutex.close()
        self.counts.release()
        self.view.close()
