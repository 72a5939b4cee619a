"""The lines of a log that may be of interest, found without parsing the others.

Bytes are read a quarter of a megabyte at a time. A block whose lines begin and end as records do, and whose numbers
go on where the last block ended, as many as there are lines, needs no look at each: lines are found by the bytes
that they must hold. Any other block is gone through line by line, as `gateway.audit.reading.reader` does it. So a
number that is missing, a line that is no record, records that were written twice and those of which only the hash is
left are seen on the quick way too. Whether a line says what was written is for `audit verify` to find out, here and
there.

Segments are passed over by the time in their names. A record can be older than its segment, if it had to wait for a
disk or the clock was set back: up to SLACK.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.reader import Damage, ignore_damage, unreadable
from gateway.audit.writing.recovery import NUMBER, parse_line
from gateway.audit.writing.segments import COMPRESSED, born, open_lines, segments
from gateway.audit.writing.witness import PRUNED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from gateway.audit.reading.filters import Filter
    from gateway.audit.reading.reader import OnDamage

    type OnProgress = Callable[[int, int], None]
    """Told the bytes of segments that were read, and of all that will be."""

SLACK: Final = 3600.0
"""Seconds by which a record may be older or younger than the time of its segment."""

_BLOCK: Final = 256 * 1024
_HEAD: Final = b'{"v":1,"seq":'
_JOINT: Final = b'}\n{"v":1,"seq":'
_PRUNED: Final = re.compile(rb'\{"v":1,"seq":[1-9][0-9]*,"%b":"' % PRUNED.encode("ascii"))
_PRUNED_MARK: Final = b',"%b":"' % PRUNED.encode("ascii")
_TIME: Final = re.compile(rb'\{"v":1,"seq":[1-9][0-9]*,"time":"([^"\\]*)"')


def no_progress(_done: int, _all: int) -> None:
    """Tell nobody how far it is."""


@dataclass(slots=True)
class _Progress:
    """How far a walk is: a compressed segment counts with its size on the disk, and is read when that is read."""

    tell: OnProgress
    before: int
    size: int
    all: int
    read: int = 0

    def go_on(self, count: int) -> None:
        self.read += count
        self.tell(self.before + min(self.read, self.size), self.all)


@dataclass(slots=True)
class Scan:
    """One walk over a log. `first` and `pruned` tell, when it is over, where it began and how many lines are hashes.

    `paths` are the segments to walk over, in place of all that may hold what is wanted; `skip` is how many bytes of
    the first one to leave out, up to the end of a line, and `stop` where to end in it, if that is not its end.
    """

    directory: Path
    wanted: Filter
    on_damage: OnDamage = ignore_damage
    on_progress: OnProgress = no_progress
    paths: list[Path] | None = None
    skip: int = 0
    stop: int = 0
    first: int = 0
    pruned: int = 0
    _needles: tuple[bytes, ...] = ()
    _since: bytes = b""
    _until: bytes = b"~"
    _seq: int = 0
    _line: int = 0

    @property
    def last(self) -> int:
        """The number of the last record so far."""
        return self._seq

    def lines(self) -> Iterator[bytes]:
        """The lines that may hold what is wanted, oldest first, without their newlines. Raises OSError."""
        self._needles = self.wanted.needles()
        self._since = (self.wanted.since or "").encode("ascii")
        self._until = (self.wanted.until or "~").encode("ascii")
        paths = self.paths
        if paths is None:
            paths = within(segments(self.directory), self.wanted.since, self.wanted.until)
        sizes = [_size(path) for path in paths]
        for number, path in enumerate(paths):
            self._line = 0
            progress = _Progress(self.on_progress, sum(sizes[:number]), sizes[number], sum(sizes))
            try:
                with open_lines(path) as file:
                    yield from self._segment(path, file, progress)
            except FileNotFoundError:
                self.on_damage(Damage(path, 0, "it was removed while the log was read"))
            except OSError as error:
                self.on_damage(unreadable(path, self._line, error))
        self.on_progress(sum(sizes), sum(sizes))

    def _segment(self, path: Path, file: BinaryIO, progress: _Progress) -> Iterator[bytes]:
        if self.skip:
            file.seek(self.skip)
            file.readline()
            self.skip = 0
        rest = b""
        while piece := file.read(self._most(file)):
            whole = rest + piece
            cut = whole.rfind(b"\n") + 1
            block, rest = whole[:cut], whole[cut:]
            if block:
                yield from self._block(path, block)
            progress.go_on(len(piece))
        if path.name.endswith(COMPRESSED) and (rest or not self._line):
            self.on_damage(Damage(path, self._line + 1, "the compressed segment ends in the middle"))

    def _most(self, file: BinaryIO) -> int:
        """How many bytes to read next."""
        return min(_BLOCK, self.stop - file.tell()) if self.stop else _BLOCK

    def _block(self, path: Path, block: bytes) -> Iterator[bytes]:
        count = block.count(b"\n")
        if not self._in_order(block, count):
            yield from self._carefully(path, block)
            return
        self._line += count
        if _PRUNED_MARK in block:
            self.pruned += sum(1 for line in block.split(b"\n") if _PRUNED.match(line))
            yield from (line for line in self._found(block) if self._in_time(line) and not _PRUNED.match(line))
        elif self._since or self._until != b"~":
            yield from filter(self._in_time, self._found(block))
        else:
            yield from self._found(block)

    def _in_order(self, block: bytes, count: int) -> bool:
        """Whether the block is made of whole records that go on where the last block ended; then it counts as read."""
        if not (block.startswith(_HEAD) and block.endswith(b"}\n") and block.count(_JOINT) == count - 1):
            return False
        first, last = NUMBER.match(block), NUMBER.match(block, block.rfind(b"\n", 0, -1) + 1)
        if first is None or last is None:
            return False
        begin, end = int(first[1]), int(last[1])
        if end - begin + 1 != count or (self._seq and begin != self._seq + 1):
            return False
        self.first = self.first or begin
        self._seq = end
        return True

    def _found(self, block: bytes) -> Iterator[bytes]:
        if not self._needles:
            yield from block[:-1].split(b"\n")
            return
        rarest, *others = self._needles
        at = block.find(rarest)
        while at >= 0:
            end = block.find(b"\n", at)
            line = block[block.rfind(b"\n", 0, at) + 1 : end]
            if all(needle in line for needle in others):
                yield line
            at = block.find(rarest, end)

    def _carefully(self, path: Path, block: bytes) -> Iterator[bytes]:
        for line in block[:-1].split(b"\n"):
            self._line += 1
            if not self._comes_next(path, line):
                continue
            if _PRUNED.match(line):
                self.pruned += 1
            elif all(needle in line for needle in self._needles) and self._in_time(line):
                yield line

    def _comes_next(self, path: Path, line: bytes) -> bool:
        """Whether a line holds a record that was not there before; tells what is wrong."""
        record = parse_line(line)
        if record is None:
            self.on_damage(Damage(path, self._line, "this line holds no record"))
            return False
        seq = record["seq"]
        if not isinstance(seq, int) or seq <= self._seq:
            return False
        if self._seq and seq > self._seq + 1:
            self.on_damage(Damage(path, self._line, _missing(self._seq + 1, seq - 1)))
        self.first = self.first or seq
        self._seq = seq
        return True

    def _in_time(self, line: bytes) -> bool:
        """Whether a record is of the time that is asked for, as far as its head tells."""
        if not self._since and self._until == b"~":
            return True
        time = _TIME.match(line)
        return time is None or self._since <= time[1] < self._until


def within(paths: list[Path], since: str | None, until: str | None) -> list[Path]:
    """The segments that may hold records of a span of time; the last one goes on until now."""
    begin = 0.0 if since is None else _seconds(since) - SLACK
    end = float("inf") if until is None else _seconds(until) + SLACK
    ends = [*map(born, paths[1:]), float("inf")]
    return [path for path, closed in zip(paths, ends, strict=False) if closed >= begin and born(path) <= end]


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _missing(first: int, last: int) -> str:
    return f"record {first} is missing" if first == last else f"records {first} to {last} are missing"
