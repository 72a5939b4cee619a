from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.bench_growth import MOST, slope, table

ROOT = Path(__file__).parents[2]


def test_the_slope_is_that_behind_the_first_requests() -> None:
    parts = [(100_000 * part, (60.0 if part > 2 else 50.0) + part / 10) for part in range(1, 11)]

    assert slope(parts) == 1.0 <= MOST
    assert table(parts).splitlines()[-1] == "slope: 1.00 bytes a request"
    assert "| 1,000,000 | 61.0 |" in table(parts)


@pytest.mark.bench
def test_memory_does_not_grow_with_requests() -> None:
    command = [sys.executable, "-m", "tests.bench.bench_growth", "--requests", "100000", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)

    assert told["parts"][-1][1] < 1.15 * told["parts"][1][1]
