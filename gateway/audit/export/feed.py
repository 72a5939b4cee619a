"""The log behind a position, in batches, while it is written, rotated, compressed and pruned by others.

Lines come in the order of their numbers, each once, and none before it is on the disk. What is missing between two of
them is counted, because nobody may believe that it was sent.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.export.cursors import Position
from gateway.audit.writing.recovery import NUMBER, last_record
from gateway.audit.writing.segments import COMPRESSED, open_lines, segments, stem
from gateway.audit.writing.sources import opened
from gateway.audit.writing.witness import PRUNED

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.writing.sources import Source

_PRUNED: Final = f'"{PRUNED}":'.encode()


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines with their numbers, and the position behind them. `missing` records before it are not in the log."""

    lines: tuple[tuple[int, bytes], ...]
    after: Position
    missing: int = 0


class Feed:
    """Reads on from a position. After an OSError a feed is of no more use."""

    def __init__(self, directory: Path, position: Position, *, most: int = 500, most_bytes: int = 1024 * 1024) -> None:
        self._directory: Final = directory
        self._most: Final = most
        self._most_bytes: Final = most_bytes
        self._position = position
        self._source: Source | None = None
        self._name = ""
        self._done = ""
        self._is_superseded = False
        self._is_counting = position.seq > 0

    def next(self) -> Batch:
        """What there is behind the last batch, if anything. Raises OSError."""
        lines: list[tuple[int, bytes]] = []
        missing = size = 0
        seq = self._position.seq
        while len(lines) < self._most and size < self._most_bytes:
            line = self._line()
            if line is None:
                self._is_counting = True
                break
            number = NUMBER.match(line)
            if number is None or int(number[1]) <= seq:
                continue
            before, seq = seq, int(number[1])
            is_pruned = line.startswith(_PRUNED, number.end())
            if self._is_counting:  # who begins with an old log does not miss what was removed before
                missing += seq - before - (0 if is_pruned else 1)
            if not is_pruned:
                lines.append((seq, line))
                size += len(line)
        if self._source is not None:
            self._source.sync()
        if seq != self._position.seq:
            self._position = Position(self._position.log, seq, self._name)
        return Batch(tuple(lines), self._position, missing)

    def close(self) -> None:
        """Close the segment that is open."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _line(self) -> bytes | None:
        """The next line of any segment. A segment is left behind after one more look when there is a newer one."""
        while True:
            if self._source is None and not self._open():
                return None
            line = self._read()
            if line is not None:
                return line
            if not self._is_superseded:
                self._is_superseded = any(stem(path) > self._name for path in segments(self._directory))
                if not self._is_superseded:
                    return None
            else:
                self._leave()

    def _read(self) -> bytes | None:
        """A line; a compressed segment that is damaged ends where the damage is, and its numbers will be missing."""
        if self._source is None:
            return None
        try:
            return self._source.line()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self._is_superseded = True
            return None

    def _open(self) -> bool:
        for path in segments(self._directory):
            name = stem(path)
            if name <= self._done or name < self._position.segment:
                continue
            self._source, self._name, self._is_superseded = opened(path), name, False
            if self._source is not None:
                return True
        return False

    def _leave(self) -> None:
        if self._source is not None:
            self._source.sync()
        self.close()
        self._done = self._name


class End:
    """Where a log ends now. Closed segments are looked at once."""

    def __init__(self, directory: Path) -> None:
        self._directory: Final = directory
        self._known: Final[dict[str, int]] = {}

    def seq(self) -> int:
        """The number of the last whole record; 0 if there is none. Raises OSError."""
        for path in reversed(segments(self._directory)):
            try:
                seq = self._last(path)
            except FileNotFoundError:
                continue
            if seq:
                return seq
        return 0

    def _last(self, path: Path) -> int:
        if not path.name.endswith(COMPRESSED):
            return last_record(path)[0]
        if path.name not in self._known:
            seq = 0
            with open_lines(path) as file:
                for line in file:
                    number = NUMBER.match(line)
                    seq = int(number[1]) if number is not None else seq
            self._known[path.name] = seq
        return self._known[path.name]
