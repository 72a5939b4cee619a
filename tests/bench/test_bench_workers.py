from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_workers import Measured, ratio, table
from tests.bench.load import missing

ROOT = Path(__file__).parents[2]

needs_servers = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def test_the_table_says_how_much_more_two_can_do() -> None:
    result = {
        "1": Measured(rate=2000.0, capacity=2500.0, worker_us=400.0, supervisor_us=0.0),
        "2": Measured(rate=2600.0, capacity=4750.0, worker_us=400.0, supervisor_us=25.0),
    }

    assert ratio(result) == 1.9
    assert "| 2 | 2,600 | 4,750 | 400 | 25 |" in table(result).splitlines()
    assert table(result).endswith("capacity of 2 / of 1: 1.90")


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_workers", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_servers
@pytest.mark.e2e
def test_the_comparison_of_workers_runs_and_every_request_is_recorded() -> None:
    done = compare("--rounds", "1", "--seconds", "1", "--json")

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == {"1", "2", "ratio"}
    assert all(result[name]["rate"] > 0 for name in ("1", "2"))
    assert (result["1"]["supervisor_us"], result["2"]["supervisor_us"] > 0) == (0.0, True)


@needs_servers
@pytest.mark.bench
def test_two_workers_can_do_almost_twice_as_much_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    done = compare("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
