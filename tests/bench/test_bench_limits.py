from __future__ import annotations

from tests.bench.bench_limits import measure, measure_store, table


def test_the_benchmark_measures_every_way_of_counting() -> None:
    measured = [*measure(repeats=20, rounds=2), *measure_store(repeats=5, rounds=2)]

    assert {each.who for each in measured} == {
        "this process",
        "workers, in shared memory",
        "gateways, in a store",
    }
    assert all(each.microseconds > 0 for each in measured)
    assert table(measured).count("\n") == len(measured) + 2
