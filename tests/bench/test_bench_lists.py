from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("bench_lists.py")
ROOT = SCRIPT.parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_comparison_runs_and_measures_both_sides() -> None:
    done = run("--names", "2000", "--networks", "500", "--rounds", "1", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert {"gateway", "plain"} == set(result)
    assert all(
        {"seconds", "cpu_seconds", "peak_mb", "resident_mb", "name_us", "address_us"} == set(side)
        for side in result.values()
    )
    assert all(side[key] > 0 for side in result.values() for key in ("seconds", "name_us", "address_us"))


def test_the_comparison_shows_a_table() -> None:
    done = run("--names", "2000", "--networks", "500", "--rounds", "1")

    assert "| | gateway | plain | gateway / plain |" in done.stdout
    assert len(done.stdout.splitlines()) == 8


@pytest.mark.bench
def test_a_million_names_and_a_hundred_thousand_networks_stay_within_the_bounds() -> None:
    done = run("--rounds", "3", "--check")

    assert (done.returncode, done.stderr) == (0, "")
