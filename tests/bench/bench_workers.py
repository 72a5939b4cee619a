"""What workers bring: requests per second of two against those of one, in front of the same origin.

    python -m tests.bench.bench_workers [--rounds N] [--seconds N] [--json] [--check]

Both gateways run at once and are loaded in turns, under the shipped policy `api` (but for the rate per client, which
the load would break), with their logs on; the run fails if an answered request is missing in one. Load and origin take
their part of the same cores, so that requests per second say little on a small machine. What counts is how many
requests the gateway could answer if nothing else needed the cores: `capacity`, workers divided by the processor time
that the busiest of them spends per request. `--check` exits with 1 if two have less than 1.8 times that of one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.bench.bench_reverse import gateway
from tests.bench.load import cpu_seconds, load, missing, origin
from tests.bench.subjects import Subject, see_the_logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WANTED: Final = 1.8
"""How many times as much two workers have to be able to do as one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians: requests per second, what they could be, and microseconds per request of all workers and of the rest."""

    rate: float
    capacity: float
    worker_us: float
    supervisor_us: float


def compare(rounds: int, seconds: int) -> dict[str, Measured]:
    """Load a gateway of one process and one of two workers in turns."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        behind = running.enter_context(origin(folder / "origin"))
        subjects = {each: _started(folder / str(each), behind, each, running) for each in (1, 2)}
        done: dict[int, list[Measured]] = {1: [], 2: []}
        answers = dict.fromkeys(map(str, subjects), 0)
        for subject in subjects.values():
            load(subject.port, 1)
        for _ in range(rounds):
            for workers, subject in subjects.items():
                before = _spent(subject, workers)
                told = load(subject.port, seconds)
                spent = [after - each for after, each in zip(_spent(subject, workers), before, strict=True)]
                done[workers].append(_measured(told.rate, told.answers, spent))
                answers[str(workers)] += told.answers
        running.close()
        see_the_logs({str(workers): subject for workers, subject in subjects.items()}, answers)
    return {str(workers): _median(each) for workers, each in done.items()}


def _started(folder: Path, behind: int, workers: int, running: ExitStack) -> Subject:
    folder.mkdir()
    return gateway(folder, behind, running, "--workers", str(workers))


def _spent(subject: Subject, workers: int) -> list[float]:
    """Seconds of processor time: of each process that serves, and of the supervisor behind them."""
    assert subject.pid is not None
    assert subject.log is not None
    if workers == 1:
        return [cpu_seconds(subject.pid), 0.0]
    serving = [each["process"] for each in ordered(subject.log.parent, Order("workers"))["workers"]]
    return [*map(cpu_seconds, serving), cpu_seconds(subject.pid)]


def _measured(rate: float, answers: int, spent: Sequence[float]) -> Measured:
    """Of one round. The busiest worker bounds what all can do: the others wait while it works."""
    *workers, supervisor = spent
    return Measured(
        rate=rate,
        capacity=answers / max(workers),
        worker_us=sum(workers) / answers * 1e6,
        supervisor_us=supervisor / answers * 1e6,
    )


def _median(each: Sequence[Measured]) -> Measured:
    return Measured(
        rate=round(median(one.rate for one in each), 1),
        capacity=round(median(one.capacity for one in each), 1),
        worker_us=round(median(one.worker_us for one in each), 1),
        supervisor_us=round(median(one.supervisor_us for one in each), 1),
    )


def ratio(result: Mapping[str, Measured]) -> float:
    """How many times as much two workers can do as one."""
    return round(result["2"].capacity / result["1"].capacity, 2)


def table(result: Mapping[str, Measured]) -> str:
    """The result in Markdown."""
    rows = [
        f"| {workers} | {each.rate:,.0f} | {each.capacity:,.0f} | {each.worker_us:.0f} | {each.supervisor_us:.0f} |"
        for workers, each in result.items()
    ]
    heading = "| workers | requests/s | capacity | CPU us/request | of the supervisor |\n|---|---|---|---|---|"
    return "\n".join([heading, *rows, "", f"capacity of 2 / of 1: {ratio(result):.2f}"])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing():
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    result = compare(asked.rounds, asked.seconds)
    text = {name: asdict(each) for name, each in result.items()}
    sys.stdout.write((json.dumps({**text, "ratio": ratio(result)}) if asked.json else table(result)) + "\n")
    if asked.check and ratio(result) < WANTED:
        sys.stderr.write(f"two workers can do {ratio(result)} times as much as one, {WANTED} is promised\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
