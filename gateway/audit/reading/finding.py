"""Records that match a filter: all of them, oldest first, or the newest few without reading the whole log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.reading.decoding import parse
from gateway.audit.reading.reader import ignore_damage, seq_of
from gateway.audit.reading.scanning import Scan, within
from gateway.audit.writing.segments import COMPRESSED, segments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.reading.filters import Filter
    from gateway.audit.reading.reader import OnDamage
    from gateway.audit.records.record import Record

_FIRST_LOOK: Final = 256 * 1024


def matching(scan: Scan) -> Iterator[tuple[bytes, Record]]:
    """The lines of a scan that match its filter, each with its record. Raises OSError."""
    matches = scan.wanted.matcher()
    for line in scan.lines():
        record = parse(line)
        if record is not None and matches(record):
            yield line, record


def newest(directory: Path, wanted: Filter, count: int, on_damage: OnDamage = ignore_damage) -> list[Record]:
    """The newest `count` records that match, oldest first, reading no more than it must. Raises OSError."""
    found: dict[int, Record] = {}
    for path in reversed(within(segments(directory), wanted.since, wanted.until)):
        if len(found) >= count:
            break
        for skip in _looks(path):
            scan = Scan(directory, wanted, ignore_damage if skip else on_damage, paths=[path], skip=skip)
            of_segment = {seq_of(record): record for _, record in matching(scan)}
            if len(of_segment) >= count:
                break
        found = of_segment | found
    return [found[seq] for seq in sorted(found)[max(0, len(found) - count) :]]


def _looks(path: Path) -> Iterator[int]:
    """How much of a segment to leave out: nearly all of it, then less, then nothing."""
    size = 0 if path.name.endswith(COMPRESSED) else path.stat().st_size
    look = _FIRST_LOOK
    while look < size:
        yield size - look
        look *= 16
    yield 0
