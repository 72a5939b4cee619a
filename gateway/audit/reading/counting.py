"""The most frequent hosts, clients, rules ... among decisions, and the last decision about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading import glance
from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import DECIDED
from gateway.audit.reading.spreading import spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.audit.reading.scanning import Scan
    from gateway.audit.records.record import Record

PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "host": ("request", "host"),
    "client": ("client", "ip"),
    "rule": ("decision", "rule"),
    "user": ("client", "user"),
    "reason": ("decision", "reason"),
    "path": ("request", "path"),
    "method": ("request", "method"),
    "listener": ("listener",),
}
"""What decisions can be counted by, and where a record has it."""

_VERDICT: Final = ("decision", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """How often a value occurred, and the last decision with it. The value None: it was not known, or there is none."""

    value: str | None
    count: int
    last: str


@dataclass(frozen=True, slots=True)
class Top:
    """The rows, the most frequent first; how many decisions were counted, and how many `values` there were.

    `later` counts what was let through first and denied later: the record of its end says so, and not of whom.
    """

    rows: tuple[Row, ...]
    counted: int
    values: int
    later: int = 0


@dataclass(slots=True)
class Tally:
    """How often each value occurred, and the last decision with it; of how many it was decided `later`."""

    counts: dict[str | None, int] = field(default_factory=dict)
    last: dict[str | None, str] = field(default_factory=dict)
    later: int = 0

    def join(self, newer: Tally) -> None:
        """Take in what was counted behind this."""
        for value, count in newer.counts.items():
            self.counts[value] = self.counts.get(value, 0) + count
        self.last |= newer.last
        self.later += newer.later


def top(scan: Scan, by: str, most: int) -> Top:
    """Count the decisions that a scan finds by one of PATHS; at most so many rows, 0 for all."""
    whole = Tally()
    for part in spread(scan, partial(tally, by=by)):
        whole.join(part)
    counts, last = whole.counts, whole.last
    return ranked(((value, count, last[value]) for value, count in counts.items()), most, whole.later)


def tally(scan: Scan, by: str) -> Tally:
    """Count the decisions of a scan, or of a part of it."""
    found = Tally()
    counts, last = found.counts, found.last
    for value, identifier in (_parsed if scan.wanted.asks_for_words else _glanced)(scan, by):
        if identifier is None:
            found.later += value == "deny"
        else:
            counts[value] = counts.get(value, 0) + 1
            last[value] = identifier
    return found


def ranked(found: Iterator[tuple[str | None, int, str]], most: int, later: int) -> Top:
    """Rows in their order: the most frequent first, then by what they are about."""
    rows = [Row(*each) for each in sorted(found, key=lambda each: (-each[1], each[0] or ""))]
    return Top(tuple(rows[: most or None]), sum(row.count for row in rows), len(rows), later)


def _parsed(scan: Scan, by: str) -> Iterator[tuple[str | None, str | None]]:
    matches = scan.wanted.matcher()
    for line in scan.lines():
        if DECIDED in line and (record := parse(line)) is not None and matches(record):
            yield _asked(record, by)


def _glanced(scan: Scan, by: str) -> Iterator[tuple[str | None, str | None]]:
    """The same, where every line of the scan is wanted: values are kept as they are written until they are counted."""
    in_head, in_decision = glance.GROUPS.get(by), glance.DECISION_GROUPS.get(by, 0)
    identifier = glance.GROUPS["id"]
    known: dict[bytes, str | None] = {}
    for line in scan.lines():
        head = glance.head(line)
        decision = glance.decision(line, head.end()) if head is not None else None
        if head is None or decision is None:
            if DECIDED in line and (record := parse(line)) is not None and scan.wanted.matches(record):
                yield _asked(record, by)
            continue
        token = decision[in_decision] if in_head is None else head[in_head]
        if token not in known:
            known[token] = glance.value_of(token)
        yield known[token], head[identifier].decode("ascii")


def _asked(record: Record, by: str) -> tuple[str | None, str | None]:
    """What a record is counted under, and its identifier; of the end of an exchange its verdict, and None."""
    is_decision = record.get("event") == "decision"
    found: Any = record
    for key in PATHS[by] if is_decision else _VERDICT:
        found = found.get(key) if isinstance(found, dict) else None
    if not is_decision:
        return found, None
    return None if found is None else str(found), str(record.get("id"))
