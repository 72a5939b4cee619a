"""Whether the gateway grows: its memory after every tenth of a million requests, and the slope behind the first ones.

    python -m tests.bench.bench_growth [--requests N] [--json] [--check]

One reverse gateway under the shipped policy `api` (its rate per client raised), audit log on, loaded by wrk on kept
connections in ten parts; a part ends when it has had its requests. The slope is that of a straight line through the
parts but for the first two, which fill buffers and caches. `--check` exits with 1 if it is above 2 bytes a request.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from itertools import accumulate
from pathlib import Path
from statistics import linear_regression
from typing import TYPE_CHECKING, Final

from tests.bench.bench_reverse import bench_policy
from tests.bench.load import load, missing, origin, resident_mb, serving
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST: Final = 2.0
"""Bytes a request: two megabytes for a million."""
PARTS: Final = 10
_WARM: Final = 2
_SECONDS: Final = 5

type Parts = list[tuple[int, float]]
"""Requests so far, and resident memory in megabytes."""


def measure(requests: int) -> Parts:
    """Load a gateway with at least so many requests."""
    with tempfile.TemporaryDirectory() as name, origin(Path(name) / "origin") as behind:
        folder, port = Path(name), free_port()
        command = [COMMAND, "reverse", f"http://127.0.0.1:{behind}", "--listen", f"127.0.0.1:{port}"]
        command += ["--policy", str(bench_policy(folder)), "--state", str(folder / "state")]
        with serving(command, port) as process:
            parts = [(_loaded(port, requests // PARTS), round(resident_mb(process), 2)) for _ in range(PARTS)]
            counts = accumulate(count for count, _ in parts)
            return [(count, memory) for count, (_, memory) in zip(counts, parts, strict=True)]


def _loaded(port: int, requests: int) -> int:
    """How many were answered, at least so many."""
    answered = 0
    while answered < requests:
        answered += load(port, _SECONDS).answers
    return answered


def slope(parts: Parts) -> float:
    """Bytes a request."""
    warm = parts[_WARM:]
    found = linear_regression([count for count, _ in warm], [memory * 1e6 for _, memory in warm])
    return round(found.slope, 2)


def table(parts: Parts) -> str:
    """The result in Markdown."""
    rows = [f"| {count:,} | {memory:.1f} |" for count, memory in parts]
    return "\n".join(["| requests | MB |", "|---|---|", *rows, "", f"slope: {slope(parts):.2f} bytes a request"])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing():
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    parts = measure(asked.requests)
    sys.stdout.write((json.dumps({"parts": parts, "slope": slope(parts)}) if asked.json else table(parts)) + "\n")
    if asked.check and slope(parts) > MOST:
        sys.stderr.write(f"memory grows by {slope(parts)} bytes a request, {MOST} is the most\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
