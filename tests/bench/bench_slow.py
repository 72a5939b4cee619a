"""What slow clients cost the others: how long a fast one waits alone, and beside thousands that drip or say nothing.

    python -m tests.bench.bench_slow [--clients N] [--rounds N] [--seconds N] [--json] [--check]

A third of the slow clients send a head byte by byte, a third a body, a third nothing at all. The gateway is told to be
patient with them, so that all are there the whole time; the run fails if one is not. A fast client asks on one
connection, one request after the other. The table shows medians of rounds in which it is alone and beside them in
turns, and what a slow client of each kind weighs. `--check` exits with 1 if its p99 beside them is more than twice the
one alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench.load import Round, Wrong, load, missing, resident_mb, serving
from tests.e2e.commands import COMMAND, free_port, until
from tests.e2e.dripping import KINDS, dripping
from tests.e2e.origin import ask, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.e2e.dripping import Kind

AT_MOST: Final = 2.0
"""How many times as long the fast client may wait beside the slow ones."""
EVERY: Final = 5.0
"""Seconds between two bytes of a slow client."""
_FILES: Final = 10_000
_LEFT: Final = 10
"""Sockets more than before any slow client came: kept connections to the origin, and the fast client's last."""
_CONFIG: Final = """
version: 1
state: state
listeners:
  - {{name: shop, mode: reverse, bind: "127.0.0.1:{port}", policy: policy.yaml, routes: [{{upstream: app}}]}}
upstreams: {{app: {{servers: [{{url: "http://127.0.0.1:{origin}"}}], connections: 10000}}}}
limits: {{head_timeout: 1h, body_idle: 1h, body_rate: 0, keep_alive: 1h, connections: 9000}}
"""
_POLICY: Final = "version: 1\nname: open\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long the fast client waits, in milliseconds: medians over rounds."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The fast client alone and beside the slow ones, and the memory of one slow client of each kind, in kilobytes."""

    alone: Waiting
    beside: Waiting
    weight_kb: Mapping[Kind, float]

    @property
    def ratio(self) -> float:
        """How many times as long the slowest hundredth of the requests takes beside them."""
        return round(self.beside.p99_ms / self.alone.p99_ms, 2)


def measure(clients: int, rounds: int, seconds: int) -> Measured:
    """Ask alone and beside so many slow clients, in turns."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard) if hard > 0 else _FILES, hard))
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder, origin, port = Path(name), free_port(), free_port()
        (folder / "policy.yaml").write_text(_POLICY, encoding="utf-8")
        (folder / "wicketgate.yaml").write_text(_CONFIG.format(port=port, origin=origin), encoding="utf-8")
        running.enter_context(serving([sys.executable, "-m", "tests.bench.patient", str(origin)], origin))
        command = [COMMAND, "run", "--config", str(folder / "wicketgate.yaml")]
        pid = running.enter_context(serving(command, port))
        load(port, 1, 1)
        few = _open_files(pid) + _LEFT
        weights = _weigh(pid, port, clients)
        alone, beside = [], []
        for _ in range(rounds):
            until(lambda: _open_files(pid) <= few, "slow clients of the last round are still there")
            alone.append(load(port, seconds, 1))
            beside.append(_beside(port, clients, seconds))
        return Measured(_medians(alone), _medians(beside), weights)


def _open_files(pid: int) -> int:
    """How many sockets and files a process holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _weigh(pid: int, port: int, clients: int) -> dict[Kind, float]:
    """Memory that one client of each kind takes; the first ones are not weighed, because they warm things up."""
    weights: dict[Kind, float] = {}
    each = max(1, clients // len(KINDS))
    with ExitStack() as held:
        for kind in KINDS:
            held.enter_context(dripping(port, each // 4 + 1, EVERY, (kind,)))
            _settle(port)
            before = resident_mb(pid)
            held.enter_context(dripping(port, each, EVERY, (kind,)))
            _settle(port)
            weights[kind] = round((resident_mb(pid) - before) * 1000 / each, 1)
    return weights


def _beside(port: int, clients: int, seconds: int) -> Round:
    with dripping(port, clients, EVERY) as slow:
        _settle(port)
        measured = load(port, seconds, 1)
        gone = sum(each.is_over for each in slow)
    if gone:
        raise Wrong(f"{gone} slow clients were not there all the time")
    return measured


def _settle(port: int) -> None:
    """Wait until everybody who came before was let in: connections are accepted in the order in which they came."""
    if status_of(ask(port, b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")) != 200:
        raise Wrong("the gateway did not answer")


def _medians(rounds: Sequence[Round]) -> Waiting:
    return Waiting(
        round(median(each.p50_ms for each in rounds), 2),
        round(median(each.p99_ms for each in rounds), 2),
    )


def table(result: Measured, clients: int) -> str:
    """The result in Markdown."""
    lines = ["| a fast client | p50 ms | p99 ms |", "|---|---|---|"]
    for name, each in (("alone", result.alone), (f"beside {clients:,} slow ones", result.beside)):
        lines.append(f"| {name} | {each.p50_ms:.1f} | {each.p99_ms:.1f} |")
    weights = ", ".join(f"{kind} {kilobytes:.0f} kB" for kind, kilobytes in result.weight_kb.items())
    return "\n".join([*lines, "", f"p99 beside / alone: {result.ratio:.2f}; a slow client weighs: {weights}"])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing():
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    result = measure(asked.clients, asked.rounds, asked.seconds)
    text = {**asdict(result), "ratio": result.ratio}
    sys.stdout.write((json.dumps(text) if asked.json else table(result, asked.clients)) + "\n")
    if asked.check and result.ratio > AT_MOST:
        sys.stderr.write(f"{result.ratio} times the p99 beside slow clients, {AT_MOST} is promised\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
