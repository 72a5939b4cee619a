"""Proxies in front of one origin, loaded in turns: what a benchmark of running servers measures, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from gateway.audit.reading.reader import records
from tests.bench.load import Round, Wrong, cpu_seconds, load, resident_mb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

HEADING = "| | requests/s | p50 ms | p99 ms | CPU us/request | memory MB |\n|---|---|---|---|---|---|"
"""Of `lines`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is loaded: its port, its process if it is a proxy, and the folder of its audit log if it has one."""

    port: int
    pid: int | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of one subject's rounds; processor time in microseconds per request, memory behind the last round."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float | None
    resident_mb: float | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of all rounds, by the name of each subject: the medians, and how many answers each gave."""

    medians: dict[str, Measured]
    answers: dict[str, int]


def in_turns(subjects: Mapping[str, Subject], rounds: int, seconds: int) -> Loaded:
    """Load one subject after the other, `rounds` times. Raises Wrong if an answer is missing or is not 2xx."""
    for subject in subjects.values():
        load(subject.port, 1)
    done: dict[str, list[tuple[Round, float]]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            before = _spent(subject)
            measured = load(subject.port, seconds)
            done[name].append((measured, (_spent(subject) - before) / measured.answers * 1e6))
    return Loaded(
        {name: _medians(done[name], subject) for name, subject in subjects.items()},
        {name: sum(each.answers for each, _ in done[name]) for name in subjects},
    )


def see_the_logs(subjects: Mapping[str, Subject], answers: Mapping[str, int]) -> None:
    """Raise Wrong if a gateway, now ended, answered more requests than it wrote down decisions."""
    for name, subject in subjects.items():
        if subject.log is None:
            continue
        written = sum(record.get("event") == "decision" for record in records(subject.log))
        if written < answers[name]:
            raise Wrong(f"{name}: {answers[name]} requests were answered and {written} decisions written down")


def lines(medians: Mapping[str, Measured]) -> list[str]:
    """Rows of a table in Markdown, below `HEADING`."""
    return [_line(name, each) for name, each in medians.items()]


def _line(name: str, each: Measured) -> str:
    cpu, memory = ("" if value is None else f"{value:.0f}" for value in (each.cpu_us, each.resident_mb))
    return f"| {name} | {each.rate:,.0f} | {each.p50_ms:.1f} | {each.p99_ms:.1f} | {cpu} | {memory} |"


def _spent(subject: Subject) -> float:
    return 0.0 if subject.pid is None else cpu_seconds(subject.pid)


def _medians(done: Sequence[tuple[Round, float]], subject: Subject) -> Measured:
    return Measured(
        rate=_median(each.rate for each, _ in done),
        p50_ms=_median(each.p50_ms for each, _ in done),
        p99_ms=_median(each.p99_ms for each, _ in done),
        cpu_us=None if subject.pid is None else _median(spent for _, spent in done),
        resident_mb=None if subject.pid is None else round(resident_mb(subject.pid), 1),
    )


def _median(values: Iterable[float]) -> float:
    return round(median(values), 2)
