"""Where a log ends: the last whole record of every segment, and what a crash left behind it.

A line counts if it ends in a newline and holds a JSON object with a sequence number. What follows the last such line
of the last segment is the torn end of a write, or the zeros that a file system leaves after a loss of power.
"""

from __future__ import annotations

import errno
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import gap_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import COMPRESSED, DRAFT, SUFFIX, open_lines, segments, stem

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record

NUMBER: Final = re.compile(rb'\{"v":1,"seq":([1-9][0-9]*),')
"""How every line begins that this writer wrote."""

_FIRST_LOOK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The greatest sequence number of a log (0: none), its last segment, and how many bytes were cut from that.

    `damaged` is the newest compressed segment if it cannot be read to its end; `open_end` says that nothing was written
    behind it, so that there may have been greater numbers.
    """

    seq: int
    segment: Path | None
    cut: int
    damaged: Path | None = None
    open_end: bool = False


def recover(directory: Path) -> LogEnd:
    """Find the end of the log, cut a torn tail and finish what a crash interrupted. Raises OSError.

    Of compressed segments only the newest is looked at: they were closed when all before them was on the disk.
    """
    _tidy(directory)
    found = segments(directory)
    compressed = [path for path in found if path.name.endswith(COMPRESSED)]
    packed, whole = _last_of_compressed(compressed[-1]) if compressed else (0, True)
    seq, cut, behind = packed, 0, 0
    for path in found:
        if path.name.endswith(COMPRESSED):
            cut = behind = 0
        else:
            last, end = last_record(path)
            seq, cut, behind = max(seq, last), path.stat().st_size - end, max(behind, last)
    if cut:
        os.truncate(found[-1], found[-1].stat().st_size - cut)
    segment = found[-1] if found else None
    return LogEnd(seq, segment, cut) if whole else LogEnd(seq, segment, cut, compressed[-1], not behind)


def _tidy(directory: Path) -> None:
    """Remove what a crash left while a segment was compressed or pruned: drafts, and what is there compressed too."""
    for path in directory.glob(f"*{DRAFT}"):
        path.unlink()
    for path in directory.glob(f"*{COMPRESSED}"):
        path.with_name(stem(path) + SUFFIX).unlink(missing_ok=True)


def _last_of_compressed(path: Path) -> tuple[int, bool]:
    """The last record of a compressed segment, which can only be read from its beginning; and whether it is whole."""
    seq = 0
    try:
        with open_lines(path) as file:
            for line in file:
                number = NUMBER.match(line)
                seq = int(number[1]) if number is not None and line.endswith(b"\n") else seq
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return seq, False
    return seq, True


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


def damage_record(end: LogEnd, damaged: Path, taken: int, now: float) -> Record:
    """What is written down of a damaged segment; `taken` is the greatest number that was proved.

    Raises AuditUnavailable if nobody can say which numbers were given: none may be given twice.
    """
    if end.open_end and taken <= end.seq:
        raise AuditUnavailable(
            f"audit: `{damaged}` is damaged behind record {end.seq}, and nothing says how many there were: put a copy "
            f"of it in its place, or move it away, and numbers that were given before are given again"
        )
    detail = f"`{damaged.name}` cannot be read to its end: put a copy of it in its place"
    return gap_record(reason="segment-damaged", detail=detail, now=now)


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
