"""The log read back: records in the order of their numbers, over all segments, while it may still be written.

After a failure the writer writes unsynced records a second time into a new segment, so a number may occur twice: the
reader gives it once. A line that holds no record is damage; it is reported to the caller and passed over. So is, but
without a word, what is left of a record whose time was over.
"""

from __future__ import annotations

import errno
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.writing.errors import words
from gateway.audit.writing.recovery import NUMBER, parse_line
from gateway.audit.writing.segments import open_lines, segments, stem
from gateway.audit.writing.sources import opened
from gateway.audit.writing.witness import PRUNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from gateway.audit.records.record import Record
    from gateway.audit.writing.sources import Source

    type OnDamage = Callable[["Damage"], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where the log does not say what it should: a line that is no record, or numbers that are missing."""

    segment: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.segment}:{self.line}: {self.message}"


def ignore_damage(damage: Damage) -> None:
    """Pass damage over: for readers that only look for records that are there."""


def records(directory: Path, *, holding: str = "", on_damage: OnDamage = ignore_damage) -> Iterator[Record]:
    """All records of a log, oldest first; only lines that contain the ASCII text `holding`. Raises OSError."""
    cursor = _Cursor(on_damage, holding.encode("ascii"))
    for path in segments(directory):
        yield from _whole(cursor, path)
        cursor.end_of_segment()


def last_records(directory: Path, count: int) -> list[Record]:
    """The newest `count` records, oldest first, reading no more segments than it must."""
    found: list[Record] = []
    for path in reversed(segments(directory)):
        if len(found) >= count:
            break
        cursor = _Cursor(ignore_damage, b"")
        older = list(_whole(cursor, path))
        first = seq_of(found[0]) if found else None
        found = [each for each in older if first is None or seq_of(each) < first] + found
    return found[max(0, len(found) - count) :]


def unreadable(path: Path, lines: int, error: OSError) -> Damage:
    """What a reader tells of a segment that cannot be read behind so many lines."""
    return Damage(path, lines + 1, f"cannot be read further: {words(error)}; put a copy of the file in its place")


def _whole(cursor: _Cursor, path: Path) -> Iterator[Record]:
    """All that can be read of a segment. Raises OSError, unless it is damaged."""
    with open_lines(path) as file:
        try:
            yield from cursor.read(path, file)
        except OSError as error:
            cursor.broken(path, error)


def follow(
    directory: Path, after: int, pause: Callable[[], bool], on_damage: OnDamage = ignore_damage
) -> Iterator[Record]:
    """Records with a number above `after`, and then new ones as they come.

    `pause` is called when there is nothing to read; it waits a moment and says whether to go on.
    """
    cursor = _Cursor(on_damage, b"", seq=after)
    done = _read_before(directory, after)
    going = True
    while going:
        waiting = [path for path in segments(directory) if stem(path) > done]
        if not waiting:
            going = pause()
            continue
        done = stem(waiting[0])
        source = opened(waiting[0])
        if source is None:
            continue  # its time was over while the reader was behind: what it held is no longer there
        cursor.end_of_segment()
        with closing(source):
            while going:
                superseded = any(stem(path) > done for path in segments(directory))
                yield from cursor.follow(waiting[0], source)
                if superseded:
                    break
                going = pause()


def _read_before(directory: Path, after: int) -> str:
    """The newest segment that holds nothing behind the number `after`, by its stem; none if that is not known."""
    paths = segments(directory)
    for path, newer in zip(reversed(paths[:-1]), reversed(paths[1:]), strict=True):
        if 0 < _first_number(newer) <= after + 1:
            return stem(path)
    return ""


def _first_number(path: Path) -> int:
    """The number that a segment begins with; 0 if that cannot be read."""
    try:
        with open_lines(path) as file:
            number = NUMBER.match(file.readline())
    except OSError:
        return 0
    return 0 if number is None else int(number[1])


def seq_of(record: Record) -> int:
    """The sequence number of a record."""
    seq = record["seq"]
    return seq if isinstance(seq, int) else 0


class _Cursor:
    """Where a reader stands: the last number it gave, and a line that is not whole yet."""

    def __init__(self, on_damage: OnDamage, holding: bytes, seq: int = 0) -> None:
        self._on_damage = on_damage
        self._holding = holding
        self._seq = seq
        self._line = 0
        self._part = b""

    def read(self, path: Path, file: BinaryIO) -> Iterator[Record]:
        """The records on the lines of `file` that are whole by now."""
        for piece in file:
            line, self._part = self._part + piece, b""
            if not line.endswith(b"\n"):
                self._part = line
                return
            self._line += 1
            if self._holding in line:
                yield from self._record(path, line)

    def follow(self, path: Path, source: Source) -> Iterator[Record]:
        """The records on the lines that are whole by now. A torn end is read again: whoever mends the log cuts it."""
        try:
            while (line := source.line()) is not None:
                self._line += 1
                yield from self._record(path, line)
        except OSError as error:
            self.broken(path, error)

    def broken(self, path: Path, error: OSError) -> None:
        """A segment ends before its time: that is damage. Raises anything else."""
        if error.errno != errno.EIO:
            raise error
        self._on_damage(unreadable(path, self._line, error))

    def end_of_segment(self) -> None:
        """Forget a line that was never finished: what it held was written again into the next segment."""
        self._part = b""
        self._line = 0

    def _record(self, path: Path, line: bytes) -> Iterator[Record]:
        record = parse_line(line)
        if record is None:
            self._on_damage(Damage(path, self._line, "this line holds no record"))
            return
        seq = seq_of(record)
        if seq <= self._seq:
            return
        if not self._holding and self._seq and seq > self._seq + 1:
            self._on_damage(Damage(path, self._line, _missing(self._seq + 1, seq - 1)))
        self._seq = seq
        if PRUNED not in record:
            yield record


def _missing(first: int, last: int) -> str:
    return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"
