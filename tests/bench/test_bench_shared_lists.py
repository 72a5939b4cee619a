from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.bench_shared_lists import AT_MOST, Taken, table

ROOT = Path(__file__).parents[2]


def test_the_table_says_what_the_list_takes() -> None:
    assert "| 4 | 200 | 231 | 31 |" in table({"4": Taken(200.0, 231.0)}).splitlines()


@pytest.mark.bench
def test_a_list_of_four_workers_takes_no_more_than_twice_that_of_one() -> None:
    command = [sys.executable, "-m", "tests.bench.bench_shared_lists", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)

    assert told["4"]["list_mb"] < AT_MOST * told["1"]["list_mb"]
    assert told["1"]["list_mb"] > 5
