"""Where a log ends: the last whole record of every segment, and what a crash left behind it.

A line counts if it ends in a newline and holds a JSON object with a sequence number. What follows the last such line
of the last segment is the torn end of a write, or the zeros that a file system leaves after a loss of power.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.segments import COMPRESSED, DRAFT, SUFFIX, open_lines, segments, stem

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record

NUMBER: Final = re.compile(rb'\{"v":1,"seq":([1-9][0-9]*),')
"""How every line begins that this writer wrote."""

_FIRST_LOOK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The greatest sequence number of a log (0: none), its last segment, and how many bytes were cut from that."""

    seq: int
    segment: Path | None
    cut: int


def recover(directory: Path) -> LogEnd:
    """Find the end of the log, cut a torn tail and finish what a crash interrupted. Raises OSError.

    Of compressed segments only the newest is looked at: they were closed when all before them was on the disk.
    """
    _tidy(directory)
    found = segments(directory)
    compressed = [path for path in found if path.name.endswith(COMPRESSED)]
    seq, cut = _last_of_compressed(compressed[-1]) if compressed else 0, 0
    for path in found:
        if path.name.endswith(COMPRESSED):
            cut = 0
        else:
            last, end = last_record(path)
            seq, cut = max(seq, last), path.stat().st_size - end
    if cut:
        os.truncate(found[-1], found[-1].stat().st_size - cut)
    return LogEnd(seq, found[-1] if found else None, cut)


def _tidy(directory: Path) -> None:
    """Remove what a crash left while a segment was compressed or pruned: drafts, and what is there compressed too."""
    for path in directory.glob(f"*{DRAFT}"):
        path.unlink()
    for path in directory.glob(f"*{COMPRESSED}"):
        path.with_name(stem(path) + SUFFIX).unlink(missing_ok=True)


def _last_of_compressed(path: Path) -> int:
    """The number of the last record of a compressed segment, which can only be read from its beginning."""
    seq = 0
    with open_lines(path) as file:
        for line in file:
            number = NUMBER.match(line)
            seq = int(number[1]) if number is not None and line.endswith(b"\n") else seq
    return seq


def last_record(path: Path) -> tuple[int, int]:
    """The sequence number of the last whole record and the offset of its end; (0, 0) if there is none."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        look = _FIRST_LOOK
        while True:
            start = max(0, size - look)
            file.seek(start)
            found = _last_in(file.read(size - start), whole=start == 0)
            if found is not None:
                return found[0], start + found[1]
            if start == 0:
                return 0, 0
            look *= 8


def parse_line(line: bytes) -> Record | None:
    """The record on a line, or None if it holds none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return None
    return record


def _last_in(data: bytes, *, whole: bool) -> tuple[int, int] | None:
    """The last record in `data` and the offset of its end; the first line counts only if `data` is the `whole` file."""
    end = data.rfind(b"\n") + 1
    while end > 0:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        if begin == 0 and not whole:
            return None
        record = parse_line(data[begin:end])
        if record is not None:
            return int(str(record["seq"])), end
        end = begin
    return None
