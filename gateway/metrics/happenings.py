"""What is told by the records that a gateway writes about itself: things read again, servers spared, gaps.

Whoever writes such a record writes it through here. It is counted once the log has taken it; no request pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.metrics import families as of
from gateway.metrics.families import GRAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.metrics.snapshot import Series

_READ: Final = frozenset({"policy", "list", "configuration", "trust", "certificates", "authority"})
_IN_FORCE: Final = frozenset({"loaded", "stale"})
"""What was read is in force; `kept` is a list of which the last good copy is."""
_AGED: Final = "age"


@dataclass(slots=True)
class Happenings:
    """`clock` gives seconds since the epoch."""

    clock: Callable[[], float]
    _reloads: dict[tuple[str, ...], int] = field(default_factory=dict)
    _succeeded: dict[tuple[str, ...], int] = field(default_factory=dict)
    _ejections: dict[tuple[str, ...], int] = field(default_factory=dict)
    gaps: int = 0

    def heard[T](self, append: Callable[[dict[str, Any]], T]) -> Callable[[dict[str, Any]], T]:
        """What appends a record, and then counts it."""

        def listen(record: dict[str, Any]) -> T:
            number = append(record)
            self._count(record)
            return number

        return listen

    def _count(self, record: Mapping[str, Any]) -> None:
        event = record["event"]
        if event in _READ:
            what, outcome = (event, record.get("listener", "")), record["outcome"]
            _add(self._reloads, (*what, outcome))
            if outcome in _IN_FORCE and record.get("cause") != _AGED:
                self._succeeded[what] = int(self.clock() * GRAIN)
        elif event == "server" and record["standing"] == "ejected":
            _add(self._ejections, (record["upstream"], record["server"]))
        elif event == "gap":
            self.gaps += 1

    def series(self) -> Mapping[str, Series]:
        """What was heard so far, by the names of families."""
        return {
            of.RELOADS.name: dict(self._reloads),
            of.RELOADED.name: dict(self._succeeded),
            of.EJECTIONS.name: dict(self._ejections),
        }


def _add(counts: dict[tuple[str, ...], int], labels: tuple[str, ...]) -> None:
    counts[labels] = counts.get(labels, 0) + 1
