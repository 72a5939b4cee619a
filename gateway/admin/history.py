"""The log read from its end: pages of what is wanted, the newest first, and new records as they come.

A page reads so many bytes and no more: where the search ended without enough, `next` says from where to go on. Lines
are found by what they must hold (`Filter.needles`) and parsed only then. All of it blocks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.decoding import parse
from gateway.audit.reading.scanning import within
from gateway.audit.writing.recovery import NUMBER, last_record
from gateway.audit.writing.segments import COMPRESSED, open_lines, segments, stem
from gateway.audit.writing.witness import PRUNED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from gateway.audit.reading.filters import Filter

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the log that one page may cost."""
_BLOCK: Final = 256 * 1024
_NEAR: Final = 64 * 1024
_LONGEST_LINE: Final = 1024 * 1024


@dataclass(slots=True)
class Page:
    """Records, the newest first; `next` is the number before which to go on, None if there is nothing more."""

    records: list[dict[str, Any]] = field(default_factory=list)
    next: int | None = None


def page(directory: Path, wanted: Filter, before: int | None, limit: int, most_bytes: int = MOST_BYTES) -> Page:
    """The newest records that match and have a number below `before`. Raises OSError."""
    found, seen, left = Page(), before, most_bytes
    needles, matches = wanted.needles(), wanted.matcher()
    for path in reversed(within(segments(directory), wanted.since, wanted.until)):
        for line in _backwards(path, seen):
            number = NUMBER.match(line)
            if number is None or (seen is not None and int(number[1]) >= seen):
                continue
            if len(found.records) >= limit or left <= 0:
                found.next = seen
                return found
            seen, left = int(number[1]), left - len(line)
            if all(needle in line for needle in needles):
                record = parse(line)
                if record is not None and PRUNED not in record and matches(record):
                    found.records.append(dict(record))
    return found


def _backwards(path: Path, before: int | None) -> Iterator[bytes]:
    """The lines of a segment from its end, or from a little behind the number `before`."""
    with open_lines(path) as file:
        if path.name.endswith(COMPRESSED):
            yield from _last_lines(file, before)
            return
        end = file.seek(0, 2)
        if before is not None:
            end = min(end, _near(file, end, before) + _LONGEST_LINE)
        rest = b""
        while end > 0:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            lines = (file.read(end - begin) + rest).split(b"\n")
            rest, end = lines[0], begin
            yield from reversed(lines[1:])
        yield rest


def _last_lines(file: BinaryIO, before: int | None) -> Iterator[bytes]:
    """The lines of what can only be read forwards: as many as a page may cost, from the end or below `before`."""
    kept: deque[bytes] = deque()
    size = 0
    for line in file:
        number = NUMBER.match(line)
        if before is not None and number is not None and int(number[1]) >= before:
            break
        kept.append(line.rstrip(b"\n"))
        size += len(line)
        while size > MOST_BYTES:
            size -= len(kept.popleft()) + 1
    yield from reversed(kept)


def _near(file: BinaryIO, size: int, seq: int) -> int:
    """A place in a segment at or behind which no line begins that has a number below `seq`, or one near to it."""
    low, high = 0, size
    while high - low > _NEAR:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        number = NUMBER.match(file.readline())
        if number is None or int(number[1]) >= seq:
            high = middle
        else:
            low = middle
    return high


@dataclass(slots=True)
class Tail:
    """Follows a log behind the number `seq`. Not thread-safe; one call at a time."""

    directory: Path
    seq: int
    _file: BinaryIO | None = None
    _stem: str = ""
    _rest: bytes = b""

    @classmethod
    def from_the_end(cls, directory: Path) -> Tail:
        """Behind the newest record that is there. Raises OSError."""
        plain = [each for each in segments(directory) if not each.name.endswith(COMPRESSED)]
        return cls(directory, last_record(plain[-1])[0] if plain else 0)

    @classmethod
    def over_the_last(cls, directory: Path, size: int) -> Tail:
        """With so many bytes of the newest segment to read first. Raises OSError."""
        tail = cls(directory, 0)
        plain = [each for each in segments(directory) if not each.name.endswith(COMPRESSED)]
        if plain:
            tail._file, tail._stem = open_lines(plain[-1]), stem(plain[-1])
            if tail._file.seek(0, 2) > size:
                tail._file.seek(-size, 2)
                tail._file.readline()
            else:
                tail._file.seek(0)
        return tail

    def lines(self, most: int = 1000) -> list[tuple[int, bytes]]:
        """Some more records, as numbers and lines; none if nothing is new. Raises OSError."""
        found: list[tuple[int, bytes]] = []
        while len(found) < most:
            if self._file is None and not self._open():
                break
            is_over = any(stem(each) > self._stem for each in segments(self.directory))
            pieces = self._rest + (b"" if self._file is None else self._file.read(_BLOCK))
            if len(pieces) == len(self._rest):
                if not is_over:
                    break
                self.close()
                continue
            *whole, self._rest = pieces.split(b"\n")
            for line in whole:
                number = NUMBER.match(line)
                if number is not None and int(number[1]) > self.seq:
                    self.seq = int(number[1])
                    found.append((self.seq, line))
        return found

    def close(self) -> None:
        """Let go of the segment; the next one follows."""
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _open(self) -> bool:
        """Open the next segment; whether there is one."""
        paths = segments(self.directory)
        waiting = [each for each in paths if stem(each) > self._stem]
        if not self._stem:
            begun = [each for each in waiting if 0 < _first_number(each) <= self.seq + 1]
            waiting = [each for each in waiting if not begun or stem(each) >= stem(begun[-1])]
        if not waiting:
            return False
        self._stem, self._file = stem(waiting[0]), open_lines(waiting[0])
        if not waiting[0].name.endswith(COMPRESSED) and self.seq:
            near = _near(self._file, self._file.seek(0, 2), self.seq)
            self._file.seek(max(0, near - 2 * _NEAR))
            if near > 2 * _NEAR:
                self._file.readline()
        return True


def _first_number(path: Path) -> int:
    try:
        with open_lines(path) as file:
            number = NUMBER.match(file.readline())
    except OSError:
        return 0
    return 0 if number is None else int(number[1])
