from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.bench_slow import AT_MOST, Measured, Waiting, table
from tests.bench.load import missing

ROOT = Path(__file__).parents[2]

needs_wrk = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def test_the_table_says_how_much_longer_and_how_heavy() -> None:
    result = Measured(Waiting(1.0, 2.0), Waiting(1.5, 3.0), {"head": 20.4, "body": 40.0, "idle": 25.0})

    assert table(result, 2000).splitlines()[2:] == [
        "| alone | 1.0 | 2.0 |",
        "| beside 2,000 slow ones | 1.5 | 3.0 |",
        "",
        "p99 beside / alone: 1.50; a slow client weighs: head 20 kB, body 40 kB, idle 25 kB",
    ]
    assert AT_MOST == 2.0


def measure(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_slow", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_wrk
@pytest.mark.e2e
def test_the_measurement_runs_and_no_slow_client_is_lost() -> None:
    done = measure("--clients", "60", "--rounds", "1", "--seconds", "1", "--json")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == {"alone", "beside", "weight_kb", "ratio"}
    assert set(result["weight_kb"]) == {"head", "body", "idle"}


@needs_wrk
@pytest.mark.bench
def test_thousands_of_slow_clients_cost_a_fast_one_little(capsys: pytest.CaptureFixture[str]) -> None:
    done = measure("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
