"""The end of the log that is being written: the active segment, its rotation, and a fresh start after a failure.

One thread owns it. Every method may raise OSError; after that only `renew` and `close` make sense.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.records.ids import decode
from gateway.audit.writing.segments import COMPRESSED, SUFFIX, Segment, born, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.records.ids import IdSource
    from gateway.audit.writing.segments import Opener

_FOR_EVER: Final = float("inf")


@dataclass(slots=True)
class Tail:
    """Appends lines to the newest segment of `directory`.

    One that has reached `limit` bytes, or is older than `age` seconds and not empty, gets a successor. `keep_lock`
    makes sure before a new segment that the directory is still this writer's.
    """

    directory: Path
    names: IdSource
    opener: Opener
    limit: int
    age: float = _FOR_EVER
    keep_lock: Callable[[], None] = field(default=lambda: None)
    _segment: Segment | None = None

    @property
    def path(self) -> Path | None:
        """The active segment, if one is open."""
        return None if self._segment is None else self._segment.path

    def open(self, last: Path | None) -> None:
        """Go on in the last segment, or begin a new one."""
        self.names.last = -1 if last is None else decode(stem(last)) or -1
        if last is None or last.name.endswith(COMPRESSED) or last.stat().st_size >= self.limit:
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

    def due(self) -> float:
        """Seconds until the active segment is full or too old; infinite if it is empty."""
        segment = self._segment
        if segment is None or segment.size == 0:
            return _FOR_EVER
        return 0.0 if segment.size >= self.limit else max(0.0, born(segment.path) + self.age - self.names.clock())

    def rotate(self) -> Path | None:
        """After a sync: begin a new segment if it is time, and return the closed one. If that fails it stays open."""
        if self._segment is None or self.due() > 0.0:
            return None
        new, old = self._new(), self._segment.path
        self.close()
        self._segment = new
        return old

    def renew(self, lines: Sequence[bytes]) -> Path | None:
        """Seal what is open, and write `lines` into a new segment down to the disk; return what was sealed, if any.

        A failed attempt leaves no file.
        """
        old = self.path
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
        return old

    def close(self) -> None:
        """Close the active segment. Nothing is synced by that."""
        if self._segment is not None:
            with suppress(OSError):
                self._segment.close()
        self._segment = None

    def _new(self) -> Segment:
        self.keep_lock()
        return Segment.open(self.directory / f"{self.names.next()}{SUFFIX}", self.opener)
