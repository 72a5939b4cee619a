"""One segment, line by line: a plain one while it grows, or a compressed one, which does not.

A plain one is read by offset and only up to its last newline: a torn end that the next writer cuts off was never read.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.writing.segments import COMPRESSED, SUFFIX, open_lines, stem

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_PIECE: Final = 256 * 1024


class Source(Protocol):
    """Lines of one segment in their order, without their newlines."""

    def line(self) -> bytes | None:
        """The next whole line; None if there is none at this time. Raises OSError."""

    def sync(self) -> None:
        """Wait until what was read is on the disk. Raises OSError."""

    def close(self) -> None:
        """Close the file of the segment."""


@dataclass(slots=True)
class Growing:
    """A plain segment."""

    descriptor: int
    _offset: int = 0
    _lines: deque[bytes] = field(default_factory=deque)
    _unsynced: bool = False

    def line(self) -> bytes | None:
        """The next whole line."""
        if not self._lines:
            self._look()
        return self._lines.popleft() if self._lines else None

    def _look(self) -> None:
        size = _PIECE
        while True:
            piece = os.pread(self.descriptor, size, self._offset)
            end = piece.rfind(b"\n") + 1
            if end or len(piece) < size:
                break
            size *= 4
        if end:
            self._lines.extend(piece[: end - 1].split(b"\n"))
            self._offset += end
            self._unsynced = True

    def sync(self) -> None:
        """Wait for the disk: a record that a loss of power took back must not have been sent under its number."""
        if self._unsynced:
            os.fdatasync(self.descriptor)
            self._unsynced = False

    def close(self) -> None:
        """Close the file of the segment."""
        os.close(self.descriptor)


@dataclass(slots=True)
class Packed:
    """A compressed segment, which was on the disk before it had its name."""

    file: BinaryIO

    def line(self) -> bytes | None:
        """The next line, whole or not: it will not grow."""
        return self.file.readline().removesuffix(b"\n") or None

    def sync(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Close the file of the segment."""
        self.file.close()


def opened(path: Path) -> Source | None:
    """The segment at `path`, or what it was compressed to at this moment; None if it is gone. Raises OSError."""
    if path.name.endswith(SUFFIX):
        try:
            return Growing(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            path = path.with_name(stem(path) + COMPRESSED)
    try:
        return Packed(open_lines(path))
    except FileNotFoundError:
        return None
