"""The end of the log that is being written: the active segment, rotation by size, and a fresh start after a failure.

One thread owns it. Every method may raise OSError; after that only `renew` and `close` make sense.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.ids import decode
from gateway.audit.segments import SUFFIX, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.audit.ids import IdSource
    from gateway.audit.segments import Opener


@dataclass(slots=True)
class Tail:
    """Appends lines to the newest segment of `directory`; a segment that has reached `limit` bytes gets a successor."""

    directory: Path
    names: IdSource
    opener: Opener
    limit: int
    _segment: Segment | None = None

    def open(self, last: Path | None) -> None:
        """Go on in the last segment, or begin a new one."""
        self.names.last = -1 if last is None else decode(last.stem) or -1
        if last is None or last.stat().st_size >= self.limit:
            self._segment = self._new()
        else:
            self._segment = Segment.open(last, self.opener)

    def write(self, lines: Sequence[bytes]) -> None:
        """Hand lines to the system."""
        if self._segment is None:
            self._segment = self._new()
        self._segment.write(lines)

    def sync(self) -> None:
        """Wait until all lines are on the disk."""
        if self._segment is not None:
            self._segment.sync()

    def rotate(self) -> None:
        """After a sync: begin a new segment if the active one is full. What is open stays open if that fails."""
        if self._segment is not None and self._segment.size >= self.limit:
            new = self._new()
            self.close()
            self._segment = new

    def renew(self, lines: Sequence[bytes]) -> None:
        """Seal what is open, and write `lines` into a new segment down to the disk. A failed attempt leaves no file."""
        self.close()
        attempt = self._new()
        try:
            attempt.write(lines)
            attempt.sync()
        except OSError:
            attempt.close()
            with suppress(OSError):
                attempt.path.unlink()
            raise
        self._segment = attempt

    def close(self) -> None:
        """Close the active segment. Nothing is synced by that."""
        if self._segment is not None:
            with suppress(OSError):
                self._segment.close()
        self._segment = None

    def _new(self) -> Segment:
        return Segment.open(self.directory / f"{self.names.next()}{SUFFIX}", self.opener)
