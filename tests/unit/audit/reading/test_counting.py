from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.counting import PATHS, Row, Top, top
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.scanning import Scan
from tests.unit.audit.reading.made import at, decision, end, line, name, write

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    decision(1, host="a.example", rule="one"),
    decision(2, host="b.example", rule="two"),
    decision(3, "allow", host="c.example"),
    end(4, 3, decision={"verdict": "deny", "reason": "upstream-broken", "rule": None}),
    decision(5, host="b.example", rule="one", method=None),
]


def counted(directory: Path, wanted: Filter, by: str = "host", most: int = 0) -> Top:
    return top(Scan(directory, wanted), by, most)


def test_the_most_frequent_come_first_with_their_last_decision(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)

    rows = (Row("b.example", 2, name(5)), Row("a.example", 1, name(1)))
    assert counted(tmp_path, Filter(verdict="deny")) == Top(rows, 3, 2, later=1)
    assert counted(tmp_path, Filter(verdict="deny"), most=1) == Top(rows[:1], 3, 2, later=1)
    assert counted(tmp_path, Filter(verdict="allow")).rows == (Row("c.example", 1, name(3)),)
    assert counted(tmp_path, Filter()).rows[0].value == "b.example"


def test_a_span_of_time_and_other_conditions_narrow_it(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)

    assert counted(tmp_path, Filter(verdict="deny", since=at(2), until=at(5))).rows == (Row("b.example", 1, name(2)),)
    assert counted(tmp_path, Filter(verdict="deny", rule="one")).counted == 2
    assert counted(tmp_path, Filter(verdict="deny", rule="one"), by="method").rows == (
        Row(None, 1, name(5)),
        Row("GET", 1, name(1)),
    )


@pytest.mark.parametrize("by", PATHS)
def test_both_ways_count_the_same(by: str, tmp_path: Path) -> None:
    write(tmp_path, RECORDS)

    at_a_glance = counted(tmp_path, Filter(verdict="deny"), by=by)
    assert at_a_glance == replace(counted(tmp_path, Filter(verdict="deny", status=403), by=by), later=1)


def test_a_decision_of_another_form_is_counted_all_the_same(tmp_path: Path) -> None:
    odd = line(decision(2, host="b.example")).replace(b'"engine":"mitmproxy",', b'"engine":"mitmproxy","new":1,')
    write(tmp_path, line(RECORDS[0]) + odd)

    assert counted(tmp_path, Filter(verdict="deny")).counted == 2
