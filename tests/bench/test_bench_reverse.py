from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_reverse import bench_policy, ratio, table
from tests.bench.load import Round, Wrong, missing, read
from tests.bench.subjects import Measured

ROOT = Path(__file__).parents[2]

needs_servers = pytest.mark.skipif(missing() is not None, reason=str(missing()))

REPORT = """Running 2s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.06ms  200.00us   9.00ms   90.00%
  Latency Distribution
     50%  900.00us
     75%    1.00ms
     90%    1.20ms
     99%    1.50s
  4000 requests in 2.00s, 1.00MB read
"""


def test_the_report_of_the_load_is_read() -> None:
    assert read(f"{REPORT}Requests/sec:   2000.50\n") == Round(answers=4000, rate=2000.5, p50_ms=0.9, p99_ms=1500.0)


def test_seconds_are_read_too_behind_which_the_load_writes_a_blank() -> None:
    report = REPORT.replace("1.50s\n", "1.50s \n")

    assert read(f"{report}Requests/sec:   2000.50\n").p99_ms == 1500.0


@pytest.mark.parametrize(
    ("wanted", "more"),
    [
        ("Non-2xx or 3xx responses: 5", "  Non-2xx or 3xx responses: 5\nRequests/sec: 2.0\n"),
        ("Socket errors: connect 0, read 1", "  Socket errors: connect 0, read 1\nRequests/sec: 2.0\n"),
        ("something unknown", ""),
    ],
)
def test_a_round_with_wrong_answers_is_none(wanted: str, more: str) -> None:
    with pytest.raises(Wrong, match=wanted):
        read(REPORT + more)


def test_the_gateway_is_loaded_under_the_shipped_policy_but_for_one_number(tmp_path: Path) -> None:
    shipped = (ROOT / "policies" / "api.yaml").read_text().splitlines()
    loaded = bench_policy(tmp_path).read_text().splitlines()

    differing = [(old, new) for old, new in zip(shipped, loaded, strict=True) if old != new]
    assert [old.split(",")[0].strip() for old, _ in differing] == ["- {id: per-client"]


def test_the_table_says_how_many_times_as_fast() -> None:
    result = {
        "wicketgate": Measured(rate=2400.0, p50_ms=12.0, p99_ms=30.0, cpu_us=400.0, resident_mb=70.0),
        "mitmdump": Measured(rate=1200.0, p50_ms=25.0, p99_ms=60.0, cpu_us=800.0, resident_mb=80.0),
        "origin": Measured(rate=50000.0, p50_ms=0.3, p99_ms=1.0, cpu_us=None, resident_mb=None),
    }

    assert ratio(result) == 2.0
    assert "| wicketgate | 2,400 | 12.0 | 30.0 | 400 | 70 |" in table(result).splitlines()
    assert table(result).endswith("wicketgate / mitmdump: 2.00")


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_reverse", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_servers
@pytest.mark.e2e
def test_the_comparison_runs_and_every_request_is_answered_and_recorded() -> None:
    done = compare("--rounds", "1", "--seconds", "1", "--json")

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == {"wicketgate", "mitmdump", "origin", "ratio"}
    assert all(result[name]["rate"] > 0 for name in ("wicketgate", "mitmdump", "origin"))
    assert all(result[name]["resident_mb"] > 0 for name in ("wicketgate", "mitmdump"))


@needs_servers
@pytest.mark.bench
def test_the_gateway_is_at_least_one_and_a_half_times_as_fast_as_mitmdump(capsys: pytest.CaptureFixture[str]) -> None:
    done = compare("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
