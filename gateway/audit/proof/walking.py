"""A walk over all lines of a log by the numbers of their records: one leaf per number, and what stands out of line.

The number that comes next is known, so a line is looked at by its first bytes alone. What legitimately repeats itself
is what the writer wrote again after a failure of the disk: a new segment begins with the same lines that ended the one
before, whose last line may be torn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from errno import EIO
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.findings import Place
from gateway.audit.proof.reading import leaf_of, lines_of, pruned_leaf, seq_in
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.audit.proof.findings import Report

    type Line = tuple[str, int, bytes]
    """The name of a segment, the number of a line in it, the line."""
    type Step = tuple[int, bytes | None, Place]
    """A number, the leaf that the log holds for it (None: it holds none), and where that stands or should."""

_REMEMBERED: Final = 100_000
_KEY: Final = b'"event":"key"'
_RETENTION: Final = b'"event":"retention"'
_WITHIN: Final = 160


@dataclass(slots=True)
class Span:
    """Records in a row, in one segment; `place` is where the first one stands."""

    place: Place
    first: int
    last: int


@dataclass(slots=True)
class Walk:
    """One pass over a log. `on_own` gets every line about keys and retention; `signed` is how far the tree goes."""

    directory: Path
    report: Report
    on_own: Callable[[int, bytes], None]
    signed: int
    seq: int = 0
    """The greatest number so far."""
    first: int = 0
    """The first number that is there, if it is not 1, and where."""
    begins: Place = field(default_factory=lambda: Place("the log", 0))
    pruned: list[Span] = field(default_factory=list)
    """Records that left only their hash."""
    _again: int = 0
    _torn: tuple[bytes, Place] | None = None
    _recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def steps(self) -> Iterator[Step]:
        """Every number from 1 on that the log or the tree has, in order. Raises OSError."""
        lines, ahead = self._lines(), None
        while True:
            head = _head(self.seq + 1)
            if ahead is None:
                for line in lines:
                    if not line[2].startswith(head) or self._torn or line[2][-1:] != b"\n":
                        break
                    yield self._next(line)
                    head = _head(self.seq + 1)
                else:
                    break
            else:
                line, ahead = ahead, None
                if line[2].startswith(head) and not self._torn and line[2][-1:] == b"\n":
                    yield self._next(line)
                    continue
            ahead = next(lines, None)
            yield from self._odd(line, None if ahead is None else seq_in(ahead[2]))
        if self._torn is not None:
            self.report.notes.append(f"{self._torn[1]}: the last line is not whole: it is being written, or was torn")

    def _lines(self) -> Iterator[Line]:
        for path in segments(self.directory):
            try:
                for number, line in enumerate(lines_of(path), 1):
                    yield path.name, number, line
            except OSError as error:
                if error.errno != EIO:
                    raise
                self.report.find(Place(path.name, 0), self.seq + 1, error.strerror or "it cannot be read")

    def _next(self, line: Line) -> Step:
        """The line is the next record, at least by its number."""
        name, number, text = line
        self.seq = seq = self.seq + 1
        self.report.records += 1
        leaf = pruned_leaf(text) if len(text) < _WITHIN else None
        if leaf is None:
            leaf = leaf_hash(text[:-1])
            if text.find(_KEY, 0, _WITHIN) > 0 or text.find(_RETENTION, 0, _WITHIN) > 0:
                self.on_own(seq, text)
        else:
            self._pruned(seq, Place(name, number))
        self._recent.append(leaf)
        return seq, leaf, Place(name, number)

    def _pruned(self, seq: int, place: Place) -> None:
        last = self.pruned[-1] if self.pruned else None
        if last is not None and last.last == seq - 1 and last.place.file == place.file:
            last.last = seq
        else:
            self.pruned.append(Span(place, seq, seq))

    def _odd(self, line: Line, ahead: int | None) -> Iterator[Step]:
        """A line that is not simply the next one. The line behind it tells what became of the order."""
        name, number, text = line
        place, expected, seq = Place(name, number), self.seq + 1, seq_in(text)
        if text[-1:] != b"\n":
            self._torn = text, place
        elif seq is not None and seq < expected and (number == 1 or seq == self._again):
            self._repeated(place, seq, text)
        elif self._torn is not None and seq == expected:
            self._mended(text, expected)
            yield self._next(line)
        elif self._torn is not None:
            self.report.find(self._torn[1], expected, "this line is not whole, and was not written again")
            self._torn = None
            yield from self._odd(line, ahead)
        elif seq is not None and seq > expected and ahead in {None, seq + 1}:
            yield from self._gap(line, seq)
        elif ahead == expected + 1:
            says = "holds no record" if seq is None else f"says that it is record {seq}"
            self.report.find(place, expected, f"this line {says}")
            yield self._next(line)
        else:
            what = "a line that holds no record" if seq is None else f"record {seq}"
            self.report.find(
                place,
                expected if seq is None or seq > expected else seq,
                f"{what} stands here, where {expected} was to be",
            )

    def _gap(self, line: Line, seq: int) -> Iterator[Step]:
        place, expected = Place(line[0], line[1]), self.seq + 1
        if self.seq:
            are = "is" if seq == expected + 1 else f"to {seq - 1} are"
            self.report.find(place, expected, f"{are} missing, record {seq} stands in its place")
        else:
            self.first, self.begins = seq, place
        self._recent.clear()
        for each in range(expected, min(seq, self.signed + 1)):
            yield each, None, place
        self.seq = seq - 1
        yield self._next(line)

    def _repeated(self, place: Place, seq: int, text: bytes) -> None:
        """What was written again into a new segment: the same lines, from some number on."""
        behind = self.seq - seq
        if behind >= len(self._recent) or self._recent[-1 - behind] != leaf_of(text):
            self.report.find(place, seq, "is told a second time, and differs from the first time")
        elif place.line == 1:
            self.report.notes.append(f"{place}: records from {seq} on stand here again, after a failure of the disk")
        self._again = seq + 1

    def _mended(self, text: bytes, seq: int) -> None:
        """A torn line of the segment before was the beginning of what was written again."""
        torn, place = self._torn or (b"", Place("", 0))
        if not text.startswith(torn):
            self.report.find(place, seq, "this line is torn, and is not what was written again")
        self._torn = None


def _head(seq: int) -> bytes:
    return b'{"v":1,"seq":%d,' % seq
