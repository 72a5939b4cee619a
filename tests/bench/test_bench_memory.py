from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.bench_memory import GROWTH, STREAM_MB, Kept, Streamed, broken, table

ROOT = Path(__file__).parents[2]
FINE = Kept(first=60.0, last=63.0), Streamed(down=0.5, up=1.0)


def test_the_table_says_how_much_more() -> None:
    assert "| plain | 60.0 | 63.0 | 1.05 | 0.5 | 1.0 |" in table({"plain": FINE}).splitlines()


@pytest.mark.parametrize(
    ("wanted", "kept", "streamed"),
    [
        ([], *FINE),
        (["plain: 1.5 times"], Kept(60.0, 90.0), FINE[1]),
        (["plain: a body took 100.0 MB"], FINE[0], Streamed(0.0, 100.0)),
        (["plain: 1.5 times", "plain: a body took 100.0 MB"], Kept(60.0, 90.0), Streamed(100.0, 0.0)),
    ],
)
def test_a_promise_that_does_not_hold_is_told(wanted: list[str], kept: Kept, streamed: Streamed) -> None:
    found = broken({"plain": (kept, streamed)})

    assert [each[: len(start)] for start, each in zip(wanted, found, strict=True)] == wanted
    assert (GROWTH, STREAM_MB) == (1.1, 24.0)


def measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_memory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.e2e
def test_the_measurement_runs_and_no_body_is_kept_in_memory() -> None:
    done = measure("--connections", "20", "--megabytes", "64", "--json")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {"plain", "spliced", "inspected"}
    assert {way: each for way, each in result.items() if max(each["down"], each["up"]) > STREAM_MB} == {}


@pytest.mark.bench
def test_memory_stays_flat(capsys: pytest.CaptureFixture[str]) -> None:
    done = measure("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
