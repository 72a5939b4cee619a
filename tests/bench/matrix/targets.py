"""What the gateway is to reach beside its peers: each target with the figure it is measured by.

A target that cannot be measured, as a cell is missing or failed, is missed. A peer that fails where the gateway does
not is left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.bench.matrix.cells import Cell

US: Final = "wicketgate"
ORIGIN: Final = "origin alone"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target: what is wanted, what was found, and whether that is enough."""

    wanted: str
    found: str
    met: bool


@dataclass(frozen=True, slots=True)
class _Times:
    """So many times the rate of a peer, in the same workload or in another one."""

    workload: str
    least: float
    peer: str
    theirs: str | None = None

    def verdict(self, cells: Mapping[tuple[str, str], Cell]) -> Verdict:
        other = self.theirs or self.workload
        wanted = f"{self.workload}: at least {self.least:g} times {self.peer}" + (f"'s {other}" if self.theirs else "")
        ours, theirs = (_rate(cells.get(each)) for each in ((self.workload, US), (other, self.peer)))
        if not ours or not theirs:
            return Verdict(wanted, "not measured", met=False)
        return Verdict(wanted, f"{ours / theirs:.2f}", met=ours >= self.least * theirs)


_TIMES: Final = (
    _Times("reverse", 3.0, "mitmdump"),
    _Times("forward", 3.0, "mitmdump"),
    _Times("inspected-new", 3.0, "mitmdump"),
    _Times("inspected-kept", 3.0, "mitmdump"),
    _Times("tunnels", 4.0, "mitmdump"),
    _Times("tunnel-bytes", 0.95, "Squid"),
    _Times("refused", 5.0, "mitmdump", "forward"),
)
_HALF: Final = "reverse-half"
_TIMES_AS_LONG: Final = 3.0
_LONGER_MS: Final = 5.0
_BEHIND: Final = "proxy.py"


def verdicts(cells: Sequence[Cell]) -> list[Verdict]:
    """All targets of workloads that were run."""
    table = {(each.workload, each.subject): each for each in cells}
    run = {workload for workload, _ in table}
    found = [each.verdict(table) for each in _TIMES if {each.workload, each.theirs or each.workload} <= run]
    if _HALF in run:
        found.append(_half(table))
    return [*found, *_ahead(table, dict.fromkeys(each.workload for each in cells))]


def _half(table: Mapping[tuple[str, str], Cell]) -> Verdict:
    ours, origin = (table.get((_HALF, each)) for each in (US, ORIGIN))
    wanted = f"{_HALF}: p99 below {_TIMES_AS_LONG:g} times the origin's own and {_LONGER_MS:g} ms"
    if ours is None or origin is None or ours.p99_ms is None or origin.p99_ms is None:
        return Verdict(wanted, "not measured", met=False)
    bound = _TIMES_AS_LONG * origin.p99_ms + _LONGER_MS
    return Verdict(wanted, f"{ours.p99_ms:.1f} ms, {bound:.1f} is the bound", met=ours.p99_ms < bound)


def _ahead(table: Mapping[tuple[str, str], Cell], workloads: Iterable[str]) -> list[Verdict]:
    found = []
    for workload in workloads:
        theirs, ours = table.get((workload, _BEHIND)), _rate(table.get((workload, US)))
        if theirs is None or theirs.unable:
            continue
        wanted = f"{workload}: ahead of {_BEHIND}"
        if not ours:
            found.append(Verdict(wanted, "not measured", met=False))
        elif not theirs.rate:
            found.append(Verdict(wanted, f"it failed: {theirs.failed}", met=True))
        else:
            found.append(Verdict(wanted, f"{ours / theirs.rate:.2f} times", met=ours > theirs.rate))
    return found


def _rate(cell: Cell | None) -> float | None:
    return None if cell is None else cell.rate
