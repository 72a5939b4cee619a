from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_splice import Measured, broken, ratios, table

ROOT = Path(__file__).parents[2]
OURS = Measured(mb_per_s=1800.0, cpu_ms_per_mb=0.35, tunnels_per_s=500.0, idle_mb=120.0)
THEIRS = Measured(mb_per_s=800.0, cpu_ms_per_mb=0.9, tunnels_per_s=200.0, idle_mb=160.0)
DIRECT = Measured(mb_per_s=4000.0, cpu_ms_per_mb=None, tunnels_per_s=3000.0, idle_mb=None)


def found(ours: Measured) -> dict[str, float]:
    return ratios({"wicketgate": ours, "mitmdump": THEIRS, "direct": DIRECT})


def test_the_table_says_how_the_gateway_compares() -> None:
    lines = table({"wicketgate": OURS, "mitmdump": THEIRS, "direct": DIRECT}).splitlines()

    assert "| wicketgate | 1,800 | 0.35 | 500 | 120 |" in lines
    assert "| direct | 4,000 |  | 3,000 |  |" in lines
    assert lines[-1] == "wicketgate / mitmdump: faster 2.25, processor time 0.39, tunnels per second 2.50"


@pytest.mark.parametrize(
    ("wanted", "ours"),
    [
        ([], OURS),
        (["1.88 times as fast as mitmdump, 2.0 is promised"], replace(OURS, mb_per_s=1500.0)),
        (["0.56 of mitmdump's processor time, 0.5 is promised"], replace(OURS, cpu_ms_per_mb=0.5)),
        (["idle tunnels take 301.0 MB, 300 are promised"], replace(OURS, idle_mb=301.0)),
    ],
)
def test_every_promise_can_be_broken_by_itself(wanted: list[str], ours: Measured) -> None:
    assert wanted == broken(found(ours))


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_splice", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.e2e
def test_the_comparison_runs_and_every_tunnel_is_recorded() -> None:
    done = compare("--rounds", "1", "--megabytes", "20", "--seconds", "0.3", "--idle", "10", "--json")

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == {"wicketgate", "mitmdump", "direct", "ratios"}
    assert all(result[name]["mb_per_s"] > 0 for name in ("wicketgate", "mitmdump", "direct"))
    assert all(result[name]["tunnels_per_s"] > 0 for name in ("wicketgate", "mitmdump", "direct"))
    assert all(result[name]["idle_mb"] > 0 for name in ("wicketgate", "mitmdump"))


@pytest.mark.bench
def test_a_spliced_tunnel_is_twice_as_fast_at_half_the_price(capsys: pytest.CaptureFixture[str]) -> None:
    done = compare("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
