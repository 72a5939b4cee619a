from __future__ import annotations

from tests.bench.bench_reload import PAGE, measure, table


def test_the_benchmark_measures_what_reloads_cost() -> None:
    measured = measure(reloads=2, seconds=0.5, clients=1)

    assert (measured.failed, measured.mixed) == (0, 0)
    assert measured.seconds >= 0.5
    assert len(measured.waits) > 0
    assert table([measured]).count("\n") == 3


def test_the_page_has_room_for_the_figures() -> None:
    assert "<!-- figures of reloads -->" in PAGE.read_text("utf-8")
