"""Where a log ends: the last whole record of every segment, and what a crash left behind it.

A line counts if it ends in a newline and holds a JSON object with a sequence number. What follows the last such line
of the last segment is the torn end of a write, or the zeros that a file system leaves after a loss of power.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.segments import segments

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.record import Record

_FIRST_LOOK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The greatest sequence number of a log (0: none), its last segment, and how many bytes were cut from that."""

    seq: int
    segment: Path | None
    cut: int


def recover(directory: Path) -> LogEnd:
    """Find the end of the log and cut a torn tail. Raises OSError."""
    last = LogEnd(0, None, 0)
    for path in segments(directory):
        seq, end = last_record(path)
        last = LogEnd(max(last.seq, seq), path, path.stat().st_size - end)
    if last.segment is not None and last.cut:
        os.truncate(last.segment, last.segment.stat().st_size - last.cut)
    return last


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
