"""What a log says in numbers: records by kind, verdict and reason, by hour or day, bytes, and how long it all took."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading import glance
from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import Filter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.reading.scanning import Scan
    from gateway.audit.record import Record

PERIODS: Final[Mapping[str, int]] = {"hour": len("2026-11-23T10"), "day": len("2026-11-23")}
"""How much of a time names the period that it is in."""
_END: Final = b'"event":"end"'
_TIME: Final = glance.GROUPS["time"]


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

    def see(self, time: str, event: str) -> None:
        """Count a record of this kind."""
        if self.first is None or time < self.first:
            self.first = time
        if self.last is None or time > self.last:
            self.last = time
        self.events[event] += 1

    def add_decision(self, verdict: str, reason: str, period: str) -> None:
        """Count a decision."""
        self.verdicts[verdict] += 1
        self.reasons[reason] += 1
        if period not in self.periods:
            self.periods[period] = Counter()
        self.periods[period][verdict] += 1

    def add_end(self, status: object, up: int, down: int, seconds: float | None) -> None:
        """Count the end of an exchange."""
        self.ended += 1
        self.up += up
        self.down += down
        self.statuses["none" if status is None else str(status)] += 1
        if seconds is not None:
            self.seconds.append(seconds)

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
    if wanted == Filter(since=wanted.since, until=wanted.until):
        for line in scan.lines():
            if not _glanced(found, line, PERIODS[per]) and (record := parse(line)) is not None:
                _count(found, record, PERIODS[per])
        return found
    joins = wanted.event is None
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


def _glanced(found: Figures, line: bytes, period: int) -> bool:
    """Count a record without parsing its line; False if that is not to be done."""
    if (end := glance.end(line)) is not None:
        time, status, up, down, seconds = end.groups()
        found.see(time.decode("ascii"), "end")
        found.add_end(None if status == b"null" else int(status), int(up), int(down), float(seconds))
        return True
    head = glance.head(line)
    decision = None if head is None else glance.decision(line, head.end())
    if head is None or decision is None:
        return False
    time = head[_TIME].decode("ascii")
    found.see(time, "decision")
    found.add_decision(str(glance.value_of(decision[1])), str(glance.value_of(decision[2])), time[:period])
    return True


def _count(found: Figures, record: Record, period: int) -> None:
    time, event = str(record.get("time")), str(record.get("event"))
    found.see(time, event)
    if event == "decision":
        decision = _part(record, "decision")
        found.add_decision(str(decision.get("verdict")), str(decision.get("reason")), time[:period])
    elif event == "end":
        size, seconds = _part(record, "bytes"), record.get("seconds")
        timed = float(seconds) if isinstance(seconds, int | float) else None
        found.add_end(record.get("status"), int(size.get("up") or 0), int(size.get("down") or 0), timed)


def _part(record: Record, name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}
