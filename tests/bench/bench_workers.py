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

from gateway.audit.reading.reader import records
from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.bench.bench_reverse import bench_policy
from tests.bench.load import Wrong, cpu_seconds, load, missing, origin, serving
from tests.e2e.commands import COMMAND, free_port

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


@dataclass(frozen=True, slots=True)
class _Subject:
    port: int
    pid: int
    state: Path
    workers: int

    def processes(self) -> list[int]:
        """Those that serve."""
        if self.workers == 1:
            return [self.pid]
        return [each["process"] for each in ordered(self.state, Order("workers"))["workers"]]

    def spent(self) -> list[float]:
        """Seconds of processor time: of each that serves, and of the supervisor behind them."""
        supervisor = 0.0 if self.workers == 1 else cpu_seconds(self.pid)
        return [*map(cpu_seconds, self.processes()), supervisor]


def compare(rounds: int, seconds: int) -> dict[str, Measured]:
    """Load a gateway of one process and one of two workers in turns."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        behind = running.enter_context(origin(folder / "origin"))
        policy = bench_policy(folder)
        subjects = {each: _started(folder, policy, behind, each, running) for each in (1, 2)}
        done: dict[int, list[Measured]] = {1: [], 2: []}
        answers = dict.fromkeys(subjects, 0)
        for subject in subjects.values():
            load(subject.port, 1)
        for _ in range(rounds):
            for workers, subject in subjects.items():
                before = subject.spent()
                told = load(subject.port, seconds)
                spent = [after - each for after, each in zip(subject.spent(), before, strict=True)]
                done[workers].append(_measured(told.rate, told.answers, spent))
                answers[workers] += told.answers
        running.close()
        for workers, subject in subjects.items():
            _see_the_log(subject, answers[workers])
    return {str(workers): _median(each) for workers, each in done.items()}


def _started(folder: Path, policy: Path, behind: int, workers: int, running: ExitStack) -> _Subject:
    port, state = free_port(), folder / f"state-{workers}"
    command = [COMMAND, "reverse", f"http://127.0.0.1:{behind}", "--listen", f"127.0.0.1:{port}"]
    command += ["--policy", str(policy), "--state", str(state), "--workers", str(workers)]
    return _Subject(port, running.enter_context(serving(command, port)), state, workers)


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


def _see_the_log(subject: _Subject, answers: int) -> None:
    written = sum(record.get("event") == "decision" for record in records(subject.state / "audit"))
    if written < answers:
        raise Wrong(f"{subject.workers} workers answered {answers} requests and wrote down {written} decisions")


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
