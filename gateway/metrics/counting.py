"""What is counted while requests pass: whole numbers in dicts and lists that one event loop owns, without a lock.

Everything else is looked up when somebody asks. Measured with `python -m tests.bench.bench_metrics`: 0.85 us of a
request, for its decision and its end together.

A rule is a word of a policy and bounded by it; policies that are replaced again and again may bring ever new ones, so
what comes after `MOST` kinds of decisions is counted together, as of no rule.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.metrics import families as of
from gateway.metrics.families import BOUNDS, GRAIN
from gateway.metrics.snapshot import BUCKETS, Distribution
from gateway.policy.model import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.metrics.snapshot import Series
    from gateway.policy.model import Decision

MOST: Final = 10_000
"""Kinds of decisions that are told apart."""
OTHERS: Final = "(others)"
"""The rule of all that come later."""

_COUNT, _UP, _DOWN, _TOTAL, _FIRST = range(5)
_OF_LIMITS: Final = frozenset({Reason.RATE_EXCEEDED, Reason.CONCURRENCY_EXCEEDED, Reason.LIMIT_TABLE_FULL})
_KEPT: Final = frozenset({"stored", "refreshed"})
"""What the cache did where an answer was kept that came from the origin."""

type _DecisionKey = tuple[str, bool, Reason, str | None]
type EndKey = tuple[str, str, int, str, str]
"""Listener; `request` or `tunnel`; the first digit of the status, 0 if the client got none; what went wrong after the
decision; what the cache did. The last two may be empty."""


@dataclass(slots=True)
class Door:
    """The connections of one listener: how many were served, and how many turned away."""

    accepted: int = 0
    refused: int = 0


@dataclass(slots=True)
class Counting:
    """The counters of one process."""

    _decisions: dict[_DecisionKey, int] = field(default_factory=dict)
    _shadows: dict[tuple[str, ...], int] = field(default_factory=dict)
    _ends: dict[EndKey, list[int]] = field(default_factory=dict)
    _judging: dict[str, list[int]] = field(default_factory=dict)
    _doors: dict[str, Door] = field(default_factory=dict)

    def door(self, listener: str) -> Door:
        """Where the connections of a listener are counted; TCP and QUIC together."""
        return self._doors.setdefault(listener, Door())

    def decided(self, listener: str, decision: Decision) -> None:
        """A decision stands."""
        key = (listener, decision.verdict is Verdict.ALLOW, decision.reason, decision.rule)
        found = self._decisions.get(key)
        if found is None and len(self._decisions) >= MOST:
            key = (*key[:3], OTHERS)
            found = self._decisions.get(key)
        self._decisions[key] = 1 if found is None else found + 1
        if decision.shadow:
            for each in decision.shadow:
                would = (listener, each.rule, each.action)
                self._shadows[would] = self._shadows.get(would, 0) + 1

    def ended(self, key: EndKey, size: tuple[int, int], seconds: float, judging: float) -> None:
        """An exchange is over. `size` is of its bodies, up and down, in bytes.

        `seconds` it took in all, `judging` of them before it was let through or refused.
        """
        cell = self._ends.get(key)
        if cell is None:
            cell = self._ends[key] = [0] * (_FIRST + BUCKETS)
        cell[_COUNT] += 1
        cell[_UP] += size[0]
        cell[_DOWN] += size[1]
        cell[_TOTAL] += int(seconds * GRAIN)
        cell[_FIRST + bisect_left(BOUNDS, seconds)] += 1
        judged = self._judging.get(key[0])
        if judged is None:
            judged = self._judging[key[0]] = [0] * (1 + BUCKETS)
        judged[0] += int(judging * GRAIN)
        judged[1 + bisect_left(BOUNDS, judging)] += 1

    def series(self) -> Mapping[str, Series]:
        """What was counted so far, by the names of families."""
        return {
            **self._of_decisions(),
            **self._of_ends(),
            of.JUDGING.name: {
                (listener,): Distribution(tuple(cell[1:]), cell[0]) for listener, cell in self._judging.items()
            },
            of.ACCEPTED.name: {(listener,): door.accepted for listener, door in self._doors.items()},
            of.TURNED_AWAY.name: {(listener,): door.refused for listener, door in self._doors.items()},
        }

    def _of_decisions(self) -> dict[str, Series]:
        decisions: dict[tuple[str, ...], int] = {}
        refusals: dict[tuple[str, ...], int] = {}
        for (listener, allowed, reason, rule), count in self._decisions.items():
            decisions[listener, "allow" if allowed else "deny", reason.value, rule or ""] = count
            if reason in _OF_LIMITS:
                refusals[listener, rule or "", reason.value] = count
        return {
            of.DECISIONS.name: decisions,
            of.SHADOWS.name: dict(self._shadows),
            of.LIMIT_REFUSALS.name: refusals,
        }

    def _of_ends(self) -> dict[str, Series]:
        """Cells hold what is shown in several families: each adds up over the labels that it does not have."""
        exchanges: dict[tuple[str, ...], int] = {}
        bodies: dict[tuple[str, ...], int] = {}
        cached: dict[tuple[str, str], int] = {}
        lasted: dict[tuple[str, ...], list[int]] = {}
        for (listener, kind, hundreds, reason, cache), cell in self._ends.items():
            code = f"{hundreds}xx" if hundreds else ""
            _add(exchanges, (listener, kind, code, reason), cell[_COUNT])
            _add(bodies, (listener, "up"), cell[_UP])
            _add(bodies, (listener, "down"), cell[_DOWN])
            if cache:
                cached[listener, cache] = cached.get((listener, cache), 0) + cell[_COUNT]
            before = lasted.get((listener, kind))
            lasted[listener, kind] = (
                cell[_TOTAL:] if before is None else [*map(sum, zip(before, cell[_TOTAL:], strict=True))]
            )
        stores: dict[tuple[str, ...], int] = {}
        for (listener, outcome), count in cached.items():
            if outcome in _KEPT:
                _add(stores, (listener,), count)
        return {
            of.CACHE_STORES.name: stores,
            of.EXCHANGES.name: exchanges,
            of.BODIES.name: bodies,
            of.CACHE_REQUESTS.name: dict(cached.items()),
            of.DURATION.name: {labels: Distribution(tuple(cell[1:]), cell[0]) for labels, cell in lasted.items()},
        }


def _add(series: dict[tuple[str, ...], int], labels: tuple[str, ...], count: int) -> None:
    series[labels] = series.get(labels, 0) + count
