"""What the matrix is made of: a sample of one round, and a cell: the medians of all rounds, or why there are none."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.load import Wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Silent(Wrong):
    """Nothing wrong was answered, but nothing at all: more time may help."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round of load gave: answers, tunnels, messages or events in so many seconds, or megabytes (10^6).

    `decisions` is how many of the gateway's decisions stand behind it; latencies are in milliseconds.
    """

    count: int
    seconds: float
    decisions: int
    megabytes: float = 0.0
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None

    @classmethod
    def of_times(cls, times: Sequence[float], seconds: float, decisions: int) -> Sample:
        """Of answers that took so many seconds each. Raises Silent if there are none."""
        if not times:
            raise Silent("no answer came")
        ordered = sorted(times)
        return cls(len(ordered), seconds, decisions, 0.0, *(_within(ordered, each) for each in (0.5, 0.99, 0.999)))

    @classmethod
    def said(cls, text: str) -> Sample:
        """As a client in a process of its own wrote it."""
        return cls(**json.loads(text))

    def say(self) -> str:
        """In one line of JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Cell:
    """One workload on one subject: medians of its rounds, or why there is nothing.

    `rates` are those of every round, in the unit of the workload; `cpu_s` is processor time of all of the subject's
    processes for 1,000 answers, or for a GB where bytes are counted; `resident_mb` is what they occupy behind the load.
    `unable` says why the subject has no such thing, `failed` what went wrong though it should have.
    """

    workload: str
    subject: str
    rate: float | None = None
    rates: tuple[float, ...] = ()
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    cpu_s: float | None = None
    resident_mb: float | None = None
    unable: str | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Rounded:
    """One round: what the clients saw, the processor seconds and the megabytes of the subject's processes."""

    sample: Sample
    cpu_seconds: float
    resident_mb: float

    def amount(self, *, in_bytes: bool) -> float:
        """What processor time is divided by: thousands of answers, or GB."""
        return (self.sample.megabytes if in_bytes else self.sample.count) / 1000

    def rate(self, *, in_bytes: bool) -> float:
        """In a second: megabytes, or answers."""
        return (self.sample.megabytes if in_bytes else self.sample.count) / self.sample.seconds


def summed(workload: str, subject: str, rounds: Sequence[Rounded], *, in_bytes: bool, is_process: bool) -> Cell:
    """The cell of these rounds, at least one; without the costs of a process where nothing stands between."""
    rates = [each.rate(in_bytes=in_bytes) for each in rounds]
    cpu = median(each.cpu_seconds / each.amount(in_bytes=in_bytes) for each in rounds)
    return Cell(
        workload,
        subject,
        rate=round(median(rates), 1),
        rates=tuple(round(each, 1) for each in rates),
        p50_ms=_middle([each.sample.p50_ms for each in rounds]),
        p99_ms=_middle([each.sample.p99_ms for each in rounds]),
        p999_ms=_middle([each.sample.p999_ms for each in rounds]),
        cpu_s=round(cpu, 4) if is_process else None,
        resident_mb=round(max(each.resident_mb for each in rounds), 1) if is_process else None,
    )


def as_json(cell: Cell) -> dict[str, object]:
    """Without what is not there."""
    return {key: value for key, value in asdict(cell).items() if value not in (None, ())}


def from_json(told: Mapping[str, object]) -> Cell:
    """The same back."""
    values: dict[str, object] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Cell(**values)  # type: ignore[arg-type]  # what `as_json` wrote


def _within(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 3)


def _middle(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return round(median(known), 2) if known else None
