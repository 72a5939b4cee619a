from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.admin.routes.decisions import Wanted
from tests.unit.admin.engines import client
from tests.unit.admin.logs import decision, write

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1795428000.0


def test_decisions_come_page_by_page_and_one_with_its_story(tmp_path: Path) -> None:
    write(tmp_path / "audit", [decision(each) for each in (1, 2, 3)])
    with client(tmp_path) as opened:
        first = opened.get("/api/v1/decisions?limit=2&client=192.0.2.0/24").json()
        rest = opened.get(f"/api/v1/decisions?before={first['next']}").json()
        story = opened.get(f"/api/v1/decisions/{first['decisions'][0]['id']}").json()

    assert [each["seq"] for each in (*first["decisions"], *rest["decisions"])] == [3, 2, 1]
    assert (story["decision"]["seq"], story["end"], rest["next"]) == (3, None, None)


def test_decisions_of_a_trace_are_found_by_its_id_alone(tmp_path: Path) -> None:
    traced = decision(2).replace(b"}}\n", b'},"trace":"%b"}\n' % (b"4b" * 16))
    write(tmp_path / "audit", [decision(1), traced, decision(3)])
    with client(tmp_path) as opened:
        found = opened.get(f"/api/v1/decisions?trace={'4b' * 16}").json()["decisions"]
        shorter = opened.get("/api/v1/decisions?trace=4b")

    assert [each["seq"] for each in found] == [2]
    assert shorter.status_code == 422


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("2026-11-23T08:00:00.000000Z", "2h"),
        ("2026-11-23T10:00:00.500000Z", "2026-11-23T10:00:00.5Z"),
        ("2026-11-23T10:00:00.000000Z", "2026-11-23T10:00:00Z"),
    ],
)
def test_a_time_is_a_moment_or_how_long_ago_it_was(wanted: str, given: str) -> None:
    assert Wanted(since=given).filter(NOW).since == wanted


@pytest.mark.parametrize(
    "query",
    ["client=nobody", "since=soon", "since=2026-99-99T00:00:00Z", "host=a%20b", "verdict=maybe", "limit=501", "x=1"],
)
def test_a_filter_that_makes_no_sense_is_refused(query: str, tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        assert opened.get(f"/api/v1/decisions?{query}").status_code == 422


def test_figures_are_told_for_a_span(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        assert opened.get("/api/v1/figures?span=24h&top=3").json()["per"] == "hour"
        assert opened.get("/api/v1/figures?span=1y").status_code == 422
