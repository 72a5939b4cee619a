from __future__ import annotations

from gateway.metrics import families as of
from gateway.metrics.counting import Counting
from gateway.metrics.snapshot import Snapshot
from tests.bench.bench_metrics import count, measure


def test_the_benchmark_measures_what_counts() -> None:
    counting = Counting()
    count(counting, 3)
    snapshot = Snapshot(counting.series())

    assert snapshot.of(of.DECISIONS) == {("egress", "allow", "allowed-by-rule", "staff"): 3}
    assert snapshot.of(of.EXCHANGES) == {("egress", "request", "2xx", ""): 3}
    assert measure(rounds=3, repeats=100) > 0
