from __future__ import annotations

import csv
import io

import pytest

from gateway.audit.reading.tables import COLUMNS, csv_lines, row
from tests.unit.audit.reading.made import at, decision, end, name
from tests.unit.audit.samples import SAMPLES


def test_a_decision_fills_its_columns() -> None:
    cells = row(decision(1, host="a.example", path="/x", query={"q": "REDACTED"}))

    assert list(cells) == list(COLUMNS)
    wanted = {"seq": 1, "time": at(1), "id": name(1), "host": "a.example", "url": "https://a.example/x?q=REDACTED"}
    wanted |= {
        "verdict": "deny",
        "reason": "rule-deny",
        "rule": "no-ads",
        "status": 403,
        "list": "ads",
        "seconds": None,
    }
    assert {key: cells[key] for key in wanted} == wanted


def test_an_end_fills_others() -> None:
    cells = row(end(2, 1, status=502, reason="upstream-broken", bytes={"up": 1, "down": 2}))

    wanted = {
        "status": 502,
        "reason": "upstream-broken",
        "up": 1,
        "down": 2,
        "seconds": 0.25,
        "host": None,
        "url": None,
    }
    assert {key: cells[key] for key in wanted} == wanted


def test_every_kind_of_record_is_a_row() -> None:
    lines = list(csv_lines({"v": 1, "seq": 1} | record for record in SAMPLES.values()))

    read = list(csv.DictReader(io.StringIO("".join(lines), newline="")))
    assert [each["event"] for each in read] == [str(record["event"]) for record in SAMPLES.values()]
    assert {len(each) for each in read} == {len(COLUMNS)}
    assert {text[-2:] for text in lines} == {"\r\n"}


@pytest.mark.parametrize(
    ("wanted", "user"),
    [
        ("'=1+1", "=1+1"),
        ("'@x", "@x"),
        ("'-x", "-x"),
        ("'+x", "+x"),
        ('a"b,c\nd', 'a"b,c\nd'),
        ("alice", "alice"),
        ("", None),
    ],
)
def test_no_cell_is_a_formula(wanted: str, user: str | None) -> None:
    (read,) = csv.DictReader(io.StringIO("".join(csv_lines([decision(1, user=user)])), newline=""))

    assert read["user"] == wanted
