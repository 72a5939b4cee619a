from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_audit import cost, medians, table
from tests.bench.load import missing
from tests.bench.subjects import Measured

ROOT = Path(__file__).parents[2]

needs_servers = pytest.mark.skipif(missing() is not None, reason=str(missing()))

RESULT = {
    "batched": Measured(rate=2400.0, p50_ms=12.0, p99_ms=30.0, cpu_us=400.0, resident_mb=70.0),
    "unrecorded": Measured(rate=2500.0, p50_ms=11.0, p99_ms=29.0, cpu_us=380.0, resident_mb=69.0),
}


def test_the_cost_is_a_share_of_what_a_request_takes() -> None:
    assert cost(RESULT) == 0.05


def test_the_table_says_what_recording_costs() -> None:
    said = table((123_456.0, 6.25), RESULT, {"batched": 31.0, "unrecorded": 1.0}).splitlines()

    assert "| batched | 2,400 | 12.0 | 30.0 | 400 | 70 |" in said
    assert said[-3:] == [
        "the writer alone: 123,456 records/s, 6.2 us of CPU a record",
        "recording: 5.0 % of CPU, 4.0 % fewer requests/s",
        "of it in threads of its own: 30 us of CPU a request",
    ]


def test_rounds_together_say_the_median_of_each_figure() -> None:
    rounds = [Measured(rate=9.0 - each, p50_ms=each, p99_ms=each, cpu_us=each, resident_mb=each) for each in (1, 2, 6)]

    assert medians(rounds) == Measured(rate=7.0, p50_ms=2, p99_ms=2, cpu_us=2, resident_mb=2)


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_audit", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_servers
@pytest.mark.e2e
def test_the_comparison_runs_and_every_request_is_answered_and_recorded() -> None:
    done = compare("--records", "1000", "--rounds", "1", "--seconds", "1", "--json")

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == {"records", "cpu_us", "cost", "aside_us", "batched", "unrecorded"}
    assert all(result[name]["rate"] > 0 for name in ("batched", "unrecorded"))


@needs_servers
@pytest.mark.bench
def test_the_log_takes_what_was_promised_and_costs_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    done = compare("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
