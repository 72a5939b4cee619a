"""What goes on, in numbers: decisions over time, and the hosts, clients and rules that most of them are about.

Counted from the log as it grows, by the minute for an hour and by the hour for a day. A bucket tells so many values
apart and counts the others together: memory does not depend on what clients ask for.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading import glance
from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import DECIDED

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_VALUES: Final = 500
"""Values of a kind that a bucket tells apart, for each verdict."""
OTHERS: Final = "(others)"
KINDS: Final = ("host", "client", "rule", "reason")
SPANS: Final = {"1h": ("minute", 60), "24h": ("hour", 24)}
"""How many buckets of which kind a span is made of."""
_LENGTHS: Final = {"minute": len("2026-11-23T10:00"), "hour": len("2026-11-23T10")}


@dataclass(slots=True)
class Bucket:
    """The decisions of a minute, or of an hour."""

    verdicts: Counter[str] = field(default_factory=Counter)
    values: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, verdict: str, named: Iterable[tuple[str, str | None]]) -> None:
        """Count a decision with what it is about."""
        self.verdicts[verdict] += 1
        for kind, value in named:
            if value is not None:
                counts = self.values.setdefault((verdict, kind), Counter())
                counts[value if value in counts or len(counts) < MOST_VALUES else OTHERS] += 1


@dataclass(slots=True)
class Figures:
    """All buckets. `since` is the time of the first record that was counted."""

    since: str | None = None
    _buckets: dict[str, OrderedDict[str, Bucket]] = field(
        default_factory=lambda: {period: OrderedDict() for period in _LENGTHS}
    )

    def take(self, line: bytes) -> None:
        """Count a line of the log, if it is a decision."""
        if DECIDED not in line or b'"event":"decision"' not in line:
            return
        head = glance.head(line)
        decision = None if head is None else glance.decision(line, head.end())
        if head is not None and decision is not None:
            self._add(
                head[glance.GROUPS["time"]].decode("ascii"),
                str(glance.value_of(decision[1])),
                host=glance.value_of(head[glance.GROUPS["host"]]),
                client=glance.value_of(head[glance.GROUPS["client"]]),
                rule=glance.value_of(decision[3]),
                reason=glance.value_of(decision[2]),
            )
        elif (record := parse(line)) is not None and record.get("event") == "decision":
            said, request, client = (_part(record, name) for name in ("decision", "request", "client"))
            self._add(
                str(record.get("time")),
                str(said.get("verdict")),
                host=request.get("host"),
                client=client.get("ip"),
                rule=said.get("rule"),
                reason=said.get("reason"),
            )

    def told(self, span: str, now: str, most: int) -> dict[str, Any]:
        """The last hour or day before `now`, with so many values of each kind."""
        period, count = SPANS[span]
        buckets = self._buckets[period]
        shown = sorted(key for key in buckets if key <= now[: _LENGTHS[period]])[-count:]
        verdicts: Counter[str] = Counter()
        values: dict[tuple[str, str], Counter[str]] = {}
        for key in shown:
            verdicts.update(buckets[key].verdicts)
            for about, counts in buckets[key].values.items():
                values.setdefault(about, Counter()).update(counts)
        return {
            "span": span,
            "per": period,
            "since": self.since,
            "decisions": {verdict: verdicts[verdict] for verdict in ("allow", "deny")},
            "over_time": [
                {"time": key, **{verdict: buckets[key].verdicts[verdict] for verdict in ("allow", "deny")}}
                for key in shown
            ],
            "blocked": {kind: _top(values.get(("deny", kind)), most) for kind in KINDS},
            "allowed": {kind: _top(values.get(("allow", kind)), most) for kind in KINDS},
        }

    def _add(self, time: str, verdict: str, **named: str | None) -> None:
        self.since = self.since or time
        for period, most in SPANS.values():
            buckets, key = self._buckets[period], time[: _LENGTHS[period]]
            if key not in buckets:
                buckets[key] = Bucket()
                while len(buckets) > most:
                    del buckets[min(buckets)]
            if key in buckets:
                buckets[key].add(verdict, named.items())


def _top(counts: Counter[str] | None, most: int) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in (counts or Counter()).most_common(most)]


def _part(record: Any, name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}
