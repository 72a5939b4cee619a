from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("bench_audit_reading.py")
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


def test_every_question_is_asked_and_answered() -> None:
    done = run("--records", "2000", "--rounds", "1", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    asked = {"top blocked", "top blocked, compressed", "top blocked, from Parquet", "stats", "verify"}
    assert asked | {"export as Parquet", "prove what was not"} <= set(result)
    assert all(row["seconds"] > 0 for row in result.values())


def test_the_answers_are_a_table() -> None:
    done = run("--records", "200", "--rounds", "1")

    assert done.stdout.splitlines()[0] == "| 200 records | seconds | CPU seconds | ratio |"


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_million_records_are_counted_within_the_bounds() -> None:
    done = run("--rounds", "1", "--check")

    assert (done.returncode, done.stderr) == (0, "")
