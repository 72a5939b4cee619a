"""What the gateway remembers: its memory after many connections, and while large bodies stream through it.

    python -m tests.bench.bench_memory [--connections N] [--megabytes N] [--json] [--check]

In three ways (plain, spliced, inspected) a tenth of the connections come first, one after the other, and then the
rest; then a body goes down and another one up. The tables show resident memory, and by how much its peak grew while a
body passed. `--check` exits with 1 if memory after all connections is more than a tenth above that after the first
tenth of them, or if a body of any size takes more than a few megabytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.bulk import WAYS, Scene, scene
from tests.bench.load import resident_mb

if TYPE_CHECKING:
    from collections.abc import Sequence

GROWTH: Final = 1.10
"""How much more memory ten times as many connections may take."""
STREAM_MB: Final = 24.0
"""By how many megabytes the peak may grow while a body of any size passes."""
MEGABYTE: Final = 1_000_000
_RESET_PEAK: Final = "5"


@dataclass(frozen=True, slots=True)
class Kept:
    """Resident memory in megabytes after the first tenth of the connections, and after all."""

    first: float
    last: float

    @property
    def growth(self) -> float:
        """How many times as much."""
        return round(self.last / self.first, 3)


@dataclass(frozen=True, slots=True)
class Streamed:
    """By how many megabytes the peak of resident memory grew while a body passed down, and while one passed up."""

    down: float
    up: float


type Result = dict[str, tuple[Kept, Streamed]]
"""By way."""


def measure(connections: int, megabytes: int) -> Result:
    """Let connections come and bodies pass, in every way, each through a gateway of its own."""
    result: Result = {}
    for way in WAYS:
        with tempfile.TemporaryDirectory() as folder, scene(Path(folder)) as running:
            kept = _connect(running, way, connections)
            result[way] = kept, _stream(running, way, megabytes * MEGABYTE)
    return result


def _connect(running: Scene, way: str, connections: int) -> Kept:
    for _ in range(connections // 10):
        running.download(way, 1000)
    first = resident_mb(running.pid)
    for _ in range(connections - connections // 10):
        running.download(way, 1000)
    return Kept(round(first, 1), round(resident_mb(running.pid), 1))


def _stream(running: Scene, way: str, size: int) -> Streamed:
    grown = []
    for pass_through in (running.download, running.upload):
        before = resident_mb(running.pid)
        Path(f"/proc/{running.pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
        pass_through(way, size)
        grown.append(round(peak_mb(running.pid) - before, 1))
    return Streamed(*grown)


def peak_mb(pid: int) -> float:
    """The most memory that a process occupied since the peak was reset, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return peak * 1024 / 1e6


def table(result: Result) -> str:
    """The result in Markdown."""
    lines = [
        "| | after a tenth, MB | after all, MB | growth | peak grew by, down, MB | up, MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {way} | {kept.first:.1f} | {kept.last:.1f} | {kept.growth:.2f} | {streamed.down:.1f} | {streamed.up:.1f} |"
        for way, (kept, streamed) in result.items()
    ]
    return "\n".join(lines)


def broken(result: Result) -> list[str]:
    """The promises that did not hold, in words."""
    found = []
    for way, (kept, streamed) in result.items():
        if kept.growth > GROWTH:
            found.append(f"{way}: {kept.growth} times the memory after ten times the connections, {GROWTH} is promised")
        if max(streamed.down, streamed.up) > STREAM_MB:
            found.append(f"{way}: a body took {max(streamed.down, streamed.up)} MB, {STREAM_MB} is promised")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    result = measure(asked.connections, asked.megabytes)
    text = {way: {**asdict(kept), **asdict(streamed)} for way, (kept, streamed) in result.items()}
    sys.stdout.write((json.dumps(text) if asked.json else table(result)) + "\n")
    problems = broken(result) if asked.check else []
    sys.stderr.writelines(f"{each}\n" for each in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
