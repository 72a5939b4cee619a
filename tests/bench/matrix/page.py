"""The reference page of the benchmarks, made from the JSON of a run: the machine, targets, tables, pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.matrix.bars import Bar, drawn
from tests.bench.matrix.cells import Cell, as_json, from_json
from tests.bench.matrix.targets import ORIGIN, US, verdicts
from tests.bench.matrix.workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).parents[3]
RESULT: Final = ROOT / "docs" / "reference" / "benchmarks.json"
"""The run that the page tells of."""
PAGE: Final = RESULT.with_suffix(".md")
PICTURES: Final = ROOT / "docs" / "images"
PICTURED: Final = ("forward", "reverse", "inspected-new", "tunnels", "tunnel-bytes", "http2", "websocket")
"""Workloads of which there is a picture."""

_HEAD: Final = """\
# Benchmarks

The gateway beside its peers, every workload on every server that can do it. This page is made from
[`benchmarks.json`](benchmarks.json), which one run wrote:

```sh
python -m tests.bench --json docs/reference/benchmarks.json   # measures
python -m tests.bench --page                                  # writes this page
```

All servers of a role stand at the same origins on one machine, and are loaded one after the other, in turns; the
tables show medians of the rounds. Load, origin and server share the cores: compare lines with each other, not with
other machines. The gateway has the shipped policies (`corporate` as a forward proxy, `api` in front of servers) with
their rules and guards, and its audit log, in which no decision may be missing; only the bounds that a load from one
address breaks are set high. Its peers have the defaults of their makers, one process that serves, and write nothing
down. `origin alone` is the load without anything between: no server can do more.

CPU is the processor time of all processes of the server, system calls included: seconds for 1,000 answers, or for a
GB. Memory is what they occupy behind the load (shared pages in parts). Clients of tunnels, inspected TLS, WebSockets
and events are written in Python, and are the bound of the quickest servers there; their CPU column says more.
[What it costs](../explanation/performance.md) tells where the time goes.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured: facts of the machine and the cells."""

    machine: Mapping[str, Any]
    cells: tuple[Cell, ...]

    def by_workload(self) -> dict[Workload, list[Cell]]:
        """The cells of each workload that was run."""
        found = {each: [cell for cell in self.cells if cell.workload == each.name] for each in WORKLOADS}
        return {workload: cells for workload, cells in found.items() if cells}

    def to_json(self) -> str:
        """For the file; `targets` are told, too."""
        told = [{"wanted": each.wanted, "found": each.found, "met": each.met} for each in verdicts(self.cells)]
        whole = {"machine": dict(self.machine), "cells": [as_json(each) for each in self.cells], "targets": told}
        return json.dumps(whole, indent=1) + "\n"


def read(text: str) -> Run:
    """The same back."""
    told = json.loads(text)
    return Run(told["machine"], tuple(map(from_json, told["cells"])))


def written(run: Run) -> dict[Path, str]:
    """The page and its pictures, by their places."""
    measured = run.by_workload()
    pictures = {
        workload: _picture(workload, cells) for workload, cells in measured.items() if workload.name in PICTURED
    }
    parts = [_HEAD, _machine(run.machine), _targets(run)]
    parts += [_section(workload, cells, is_pictured=workload in pictures) for workload, cells in measured.items()]
    files = {PICTURES / f"bench-{workload.name}.svg": text for workload, text in pictures.items()}
    return {PAGE: "\n".join(parts), **files}


def table(workload: Workload, cells: Sequence[Cell]) -> str:
    """One workload in Markdown; below it, who cannot do it and why."""
    per = "GB" if workload.in_bytes else "1,000"
    lines = [
        f"| | {workload.unit} | p50 ms | p99 ms | p99.9 ms | CPU s/{per} | memory MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in cells:
        if each.rate is not None:
            times = " | ".join(_number(value, 1) for value in (each.p50_ms, each.p99_ms, each.p999_ms))
            costs = f"{_number(each.cpu_s, 3)} | {_number(each.resident_mb, 0)}"
            lines.append(f"| {each.subject} | {each.rate:,.0f} | {times} | {costs} |")
    why: dict[str, list[str]] = {}
    for each in cells:
        if each.rate is None:
            why.setdefault(f"failed: {each.failed}" if each.failed else str(each.unable), []).append(each.subject)
    return (
        "\n".join([*lines, "", *(f"- {', '.join(names)}: {reason}." for reason, names in why.items())]).rstrip() + "\n"
    )


def _section(workload: Workload, cells: Sequence[Cell], *, is_pictured: bool) -> str:
    alt = f"{workload.title}: bars of the rates in the table"
    picture = f"![{alt}](../images/bench-{workload.name}.svg)\n\n" if is_pictured else ""
    return f"## {workload.title}\n\n`{workload.name}`\n\n{picture}{table(workload, cells)}"


def _picture(workload: Workload, cells: Sequence[Cell]) -> str:
    bars = [
        Bar(each.subject, each.rate, min(each.rates), max(each.rates), each.subject == US)
        for each in sorted(cells, key=lambda each: -(each.rate or 0.0))
        if each.rate is not None and each.subject != ORIGIN
    ]
    return drawn(workload.title, workload.unit, bars)


def _machine(machine: Mapping[str, Any]) -> str:
    rounds = f"Rounds: {machine['rounds']} of {machine['seconds']:g} s"
    one = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GB, Linux {machine['kernel']}"
    load = f"Load of the machine before the run: {machine['load_before']:g}"
    releases = ", ".join(f"{name} {release}" for name, release in machine["releases"].items() if name != "origin alone")
    busy = " (others used it, too: take the figures as hints)." if machine["load_before"] > 1 else "."
    told = f"{machine['day']}: {one}, Python {machine['python']}. {rounds}. {load}{busy}"
    note = f"{machine['note']}\n\n" if "note" in machine else ""
    return f"## The machine\n\n{told}\n\n{note}{releases}.\n"


def _targets(run: Run) -> str:
    rows = [f"| {each.wanted} | {each.found} | {'yes' if each.met else 'no'} |" for each in verdicts(run.cells)]
    return "\n".join(["## Targets", "", "| wanted | found | met |", "|---|---|---|", *rows, ""])


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
