from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench_peers import ratios, table
from tests.bench.load import missing
from tests.bench.subjects import Measured

ROOT = Path(__file__).parents[2]

needs_servers = pytest.mark.skipif(missing("haproxy") is not None, reason=str(missing("haproxy")))

PEERS = {"mitmdump", "nginx", "haproxy", "nginx, cached", "haproxy, cached"}


def at(rate: float) -> Measured:
    return Measured(rate=rate, p50_ms=1.0, p99_ms=2.0, cpu_us=100.0, resident_mb=50.0)


def test_each_is_compared_with_the_gateway_that_does_the_same() -> None:
    result = {
        "mitmdump": at(500.0),
        "wicketgate": at(1000.0),
        "nginx": at(20_000.0),
        "haproxy": at(40_000.0),
        "wicketgate, cached": at(2000.0),
        "nginx, cached": at(50_000.0),
        "haproxy, cached": at(80_000.0),
    }

    assert ratios(result) == {
        "mitmdump": 2.0,
        "nginx": 0.05,
        "haproxy": 0.025,
        "nginx, cached": 0.04,
        "haproxy, cached": 0.025,
    }
    assert "| wicketgate, cached | 2,000 | 1.0 | 2.0 | 100 | 50 |" in table(result).splitlines()
    assert "wicketgate / nginx, cached: 0.04" in table(result).splitlines()


@needs_servers
@pytest.mark.e2e
def test_the_comparison_runs_and_every_request_is_answered_and_recorded() -> None:
    command = [sys.executable, "-m", "tests.bench.bench_peers", "--rounds", "1", "--seconds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert set(result) == PEERS | {"origin alone", "wicketgate", "wicketgate, cached", "ratios"}
    assert set(result["ratios"]) == PEERS
    assert all(measured["rate"] > 0 for name, measured in result.items() if name != "ratios")
