from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_inspected import Measured, bench_policy, ratio, table
from tests.bench.load import missing
from tests.bench.tls_load import percentile

ROOT = Path(__file__).parents[2]

needs_servers = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def test_the_gateway_is_loaded_under_the_shipped_policy_but_for_its_destination_and_one_number(tmp_path: Path) -> None:
    shipped = (ROOT / "policies" / "corporate.yaml").read_text("utf-8").splitlines()
    loaded = bench_policy(tmp_path, 8443).read_text("utf-8").splitlines()

    differing = [(old, new) for old, new in zip(shipped, loaded, strict=False) if old != new]
    assert [old.split(",")[0].strip() for old, _ in differing] == ["- {id: per-client"]
    assert loaded[len(shipped) :] == ["unsafe_destinations: [127.0.0.0/8]", "connect_ports: [443, 8443]"]


def test_the_table_says_how_many_times_as_fast() -> None:
    ours = Measured(rate=300.0, p50_ms=12.0, p99_ms=30.0, cpu_us=4000.0, resident_mb=70.0)
    theirs = Measured(rate=120.0, p50_ms=25.0, p99_ms=60.0, cpu_us=9000.0, resident_mb=80.0)
    result = {"new": {"wicketgate": ours, "mitmdump": theirs}}

    assert ratio(result, "new") == 2.5
    assert "| new | wicketgate | 300 | 12.0 | 30.0 | 4000 | 70 |" in table(result).splitlines()
    assert table(result).endswith("wicketgate / mitmdump, new: 2.50")


@pytest.mark.parametrize(("wanted", "share"), [(2000.0, 0.5), (3000.0, 0.99), (1000.0, 0.0)])
def test_a_percentile_is_one_of_the_times_in_milliseconds(wanted: float, share: float) -> None:
    assert percentile([3.0, 1.0, 2.0], share) == wanted


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench.bench_inspected", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_servers
@pytest.mark.e2e
def test_the_comparison_runs_and_every_request_is_answered_and_recorded() -> None:
    done = compare("--rounds", "1", "--seconds", "1", "--json")

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == {"new", "kept", "ratios"}
    assert all(result[way][name]["rate"] > 0 for way in ("new", "kept") for name in ("wicketgate", "mitmdump"))


@needs_servers
@pytest.mark.bench
def test_inspecting_is_at_least_twice_as_fast_as_with_mitmdump(capsys: pytest.CaptureFixture[str]) -> None:
    done = compare("--check")
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")

    assert done.returncode == 0, done.stdout + done.stderr
