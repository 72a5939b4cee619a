from __future__ import annotations

from tests.bench.bench_shared_limits import PAGE, measure, table


def test_no_way_of_sharing_lets_more_through_than_the_limit() -> None:
    measured = measure(rate=20, asked=60)

    assert [(each.who, each.asked, each.beyond) for each in measured] == [
        ("4 workers", 60, 0),
        ("4 workers", 60, 0),
        ("3 gateways, one store", 60, 0),
        ("3 gateways, one store", 60, 0),
    ]
    assert [each.through for each in measured[::2]] == [20, 20]
    assert table(measured).count("\n") == 6


def test_the_page_has_room_for_the_figures() -> None:
    assert "<!-- figures of shared limits -->" in PAGE.read_text("utf-8")
