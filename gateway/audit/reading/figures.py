"""What a log says in numbers: records by kind, verdict and reason, by hour or day, bytes, and how long it all took."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading import glance
from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import DECIDED, Filter
from gateway.audit.reading.spreading import spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.reading.scanning import Scan
    from gateway.audit.records.record import Record

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

    def span(self, first: str, last: str) -> None:
        """Take in records of these times."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def add_decisions(self, verdict: str, reason: str, period: str, count: int = 1) -> None:
        """Count decisions that are alike."""
        self.verdicts[verdict] += count
        self.reasons[reason] += count
        self.periods.setdefault(period, Counter())[verdict] += count

    def add_end(self, status: object, up: int, down: int, seconds: float | None) -> None:
        """Count the end of an exchange."""
        self.ended += 1
        self.up += up
        self.down += down
        self.statuses["none" if status is None else str(status)] += 1
        if seconds is not None:
            self.seconds.append(seconds)

    def join(self, newer: Figures) -> None:
        """Take in what was counted behind this."""
        if newer.first is not None and newer.last is not None:
            self.span(newer.first, newer.last)
        self.events += newer.events
        self.verdicts += newer.verdicts
        self.reasons += newer.reasons
        self.statuses += newer.statuses
        for period, verdicts in newer.periods.items():
            self.periods.setdefault(period, Counter()).update(verdicts)
        self.ended += newer.ended
        self.up += newer.up
        self.down += newer.down
        self.seconds.extend(newer.seconds)

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
        for part in spread(scan, partial(_all, per=per)):
            found.join(part)
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


def _all(scan: Scan, per: str) -> Figures:
    """Count everything of a scan, or of a part of it."""
    found = Figures()
    tally = _Tally(found, PERIODS[per])
    for line in scan.lines():
        if not tally.take(line) and (record := parse(line)) is not None:
            _count(found, record, PERIODS[per])
    tally.give()
    return found


@dataclass(slots=True)
class _Tally:
    """Counts what can be counted without parsing a line, as it is written, and gives it to the figures at the end."""

    found: Figures
    period: int
    decided: dict[tuple[bytes, bytes, bytes], int] = field(default_factory=dict)
    statuses: dict[bytes, int] = field(default_factory=dict)
    first: bytes = b"~"
    last: bytes = b""

    def take(self, line: bytes) -> bool:
        """Count a line; False if it has to be parsed."""
        if (end := glance.end(line)) is not None:
            time, status, up, down, seconds = end.groups()
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.found.up += int(up)
            self.found.down += int(down)
            self.found.seconds.append(float(seconds))
        else:
            head = glance.brief(line)
            decision = None if head is None else glance.decision(line, line.find(DECIDED))
            if head is None or decision is None:
                return False
            time = head[1]
            key = (decision[1], decision[2], time[: self.period])
            self.decided[key] = self.decided.get(key, 0) + 1
        self.first = min(self.first, time)
        self.last = max(self.last, time)
        return True

    def give(self) -> None:
        """Add what was counted to the figures."""
        found = self.found
        for (verdict, reason, period), count in self.decided.items():
            values = str(glance.value_of(verdict)), str(glance.value_of(reason)), period.decode("ascii")
            found.add_decisions(*values, count)
        for status, count in self.statuses.items():
            found.ended += count
            found.statuses["none" if status == b"null" else status.decode("ascii")] += count
        for event, count in (("decision", sum(self.decided.values())), ("end", sum(self.statuses.values()))):
            if count:
                found.events[event] += count
        if self.last:
            found.span(self.first.decode("ascii"), self.last.decode("ascii"))


def _count(found: Figures, record: Record, period: int) -> None:
    time, event = str(record.get("time")), str(record.get("event"))
    found.span(time, time)
    found.events[event] += 1
    if event == "decision":
        decision = _part(record, "decision")
        found.add_decisions(str(decision.get("verdict")), str(decision.get("reason")), time[:period])
    elif event == "end":
        size, seconds = _part(record, "bytes"), record.get("seconds")
        timed = float(seconds) if isinstance(seconds, int | float) else None
        found.add_end(record.get("status"), int(size.get("up") or 0), int(size.get("down") or 0), timed)


def _part(record: Record, name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}
