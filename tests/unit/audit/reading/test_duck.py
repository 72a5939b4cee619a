from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from gateway.audit.reading import counting, duck
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching
from gateway.audit.reading.scanning import Scan
from gateway.policy.addresses import Network
from tests.unit.audit.reading.made import at, decision, end, write

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    decision(1, host="ads.example", path="/a", user="=alice"),
    decision(2, host="x.ads.example", path="/a/b", client="10.9.9.9", rule="other", reason="guardrail"),
    decision(3, "allow", host="c.example", path="/ab", method="POST"),
    end(4, 3, decision={"verdict": "deny", "reason": "upstream-broken", "rule": None}),
    decision(5, host="x.ads.example", rule="o'brien"),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write(tmp_path / "audit", RECORDS)
    found = (record for _, record in matching(Scan(tmp_path / "audit", Filter())))
    assert duck.write_parquet(found, tmp_path / "it's.parquet") == len(RECORDS)
    return tmp_path / "it's.parquet"


@pytest.mark.parametrize("by", counting.PATHS)
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"verdict": "deny"},
        {"since": at(2), "until": at(5)},
        {"host": "ads.example"},
        {"path": "/a"},
        {"path": "/"},
        {"client": Network.parse("10.9.9.9")},
        {"client": "client-2026-11-aa"},
        {"rule": "o'brien", "verdict": "deny"},
        {"user": "=alice", "listener": "egress", "method": "GET", "status": 403},
        {"reason": "guardrail"},
    ],
)
def test_a_table_answers_as_the_log_does(by: str, asked: dict[str, Any], table: Path) -> None:
    in_log = counting.top(Scan(table.parent / "audit", Filter(**asked)), by, 2)

    assert duck.top(table, Filter(**asked), by, 2) == replace(in_log, later=0)


def test_times_are_times_and_nothing_is_left_beside_the_table(table: Path) -> None:
    times = duckdb.execute("SELECT epoch_ms(time) FROM read_parquet(?) ORDER BY seq", [str(table)]).fetchall()

    assert [one - times[0][0] for (one,) in times] == [0, 10_000, 20_000, 30_000, 40_000]
    assert sorted(path.name for path in table.parent.iterdir()) == ["audit", "it's.parquet"]


def test_a_file_that_is_no_table_and_a_question_for_the_log_are_told(table: Path) -> None:
    (table.parent / "log.parquet").write_text("no table", encoding="utf-8")

    for name in ("log.parquet", "none.parquet"):
        with pytest.raises(duck.NotATable, match=name):
            duck.top(table.parent / name, Filter(), "host", 1)
    with pytest.raises(duck.NotATable, match=r"clients of a network, `10.0.0.0/8`"):
        duck.top(table, Filter(client=Network.parse("10.0.0.0/8")), "host", 1)


def test_a_text_that_is_none_and_a_number_that_is_too_long_do_not_end_it(tmp_path: Path) -> None:
    found = duck.write_parquet([decision(1, host="\ud800.example"), decision(2, size=2**70)], tmp_path / "t")

    assert found == 2
    assert [row.value for row in duck.top(tmp_path / "t", Filter(), "host", 0).rows] == ["?.example", "ads.example"]


def test_without_the_extra_that_is_told(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)

    with pytest.raises(duck.NoDuckDB):
        duck.top(table, Filter(), "host", 1)
