from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.bench_idle import KINDS, MOST_MB, Weighed, table

ROOT = Path(__file__).parents[2]


def test_the_table_says_what_one_weighs() -> None:
    assert "| reverse | 10,000 | 70 | 370 | 30.0 |" in table({"reverse": Weighed(10_000, 70.0, 370.0)}).splitlines()


@pytest.mark.bench
def test_ten_thousand_would_fit() -> None:
    command = [sys.executable, "-m", "tests.bench.bench_idle", "--connections", "1000", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)

    assert set(told) == set(KINDS)
    for each in told.values():
        assert each["before_mb"] + 10 * (each["with_mb"] - each["before_mb"]) < MOST_MB
        assert each["kilobytes"] > 1
