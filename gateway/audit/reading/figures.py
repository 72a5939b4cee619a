"""What a log says in numbers: records by kind, verdict and reason, by hour or day, bytes, and how long it all took."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.reading.scanning import Scan
    from gateway.audit.record import Record

PERIODS: Final[Mapping[str, int]] = {"hour": len("2026-11-23T10"), "day": len("2026-11-23")}
"""How much of a time names the period that it is in."""
_END: Final = b'"event":"end"'


@dataclass(slots=True)
class Figures:
    """Counts of the records that matched; `ended` is how many exchanges of theirs are over.

    `up` and `down` are bytes of bodies, `seconds` how long each exchange took. `periods` counts decisions by verdict.
    """

    first: str | None = None
    last: str | None = None
    events: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    periods: dict[str, Counter[str]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    ended: int = 0
    up: int = 0
    down: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def percentile(self, part: float) -> float | None:
        """The time in seconds within which this part of the exchanges ended (nearest rank); None if none did."""
        ordered = sorted(self.seconds)
        return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else None


def figures(scan: Scan, wanted: Filter, per: str) -> Figures:
    """Count everything of a scan that is wanted; `per` is one of PERIODS.

    An exchange belongs to its decision: where more than a time is asked for, ends are counted whose decisions matched.
    So the scan has to find the lines of ends as well, and may know nothing of `wanted` but its times.
    """
    found = Figures()
    joins = wanted.event is None and wanted != Filter(since=wanted.since, until=wanted.until)
    needles = wanted.needles()
    matches = wanted.matcher()
    matched: set[object] = set()
    for line in scan.lines():
        is_end = _END in line
        if not (joins and is_end) and not all(needle in line for needle in needles):
            continue
        record = parse(line)
        if record is None or not (matches(record) or (is_end and record.get("id") in matched)):
            continue
        if joins and not is_end:
            matched.add(record.get("id"))
        _count(found, record, PERIODS[per])
    return found


def _count(found: Figures, record: Record, period: int) -> None:
    time, event = str(record.get("time")), str(record.get("event"))
    found.first = time if found.first is None else min(found.first, time)
    found.last = time if found.last is None else max(found.last, time)
    found.events[event] += 1
    if event == "decision":
        _count_decision(found, _part(record, "decision"), time[:period])
    elif event == "end":
        _count_end(found, record)


def _count_decision(found: Figures, decision: Mapping[str, Any], period: str) -> None:
    verdict = str(decision.get("verdict"))
    found.verdicts[verdict] += 1
    found.reasons[str(decision.get("reason"))] += 1
    found.periods.setdefault(period, Counter())[verdict] += 1


def _count_end(found: Figures, record: Record) -> None:
    size, seconds, status = _part(record, "bytes"), record.get("seconds"), record.get("status")
    found.ended += 1
    found.up += int(size.get("up") or 0)
    found.down += int(size.get("down") or 0)
    found.statuses["none" if status is None else str(status)] += 1
    if isinstance(seconds, int | float):
        found.seconds.append(seconds)


def _part(record: Record, name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}
