from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.reader import Damage, seq_of
from gateway.audit.reading.refusals import Refusal, exchange, of_decision, records_of, refusals
from tests.unit.audit.reading.made import decision, end, name, write

if TYPE_CHECKING:
    from pathlib import Path

LATER = {"verdict": "deny", "reason": "upstream-broken", "rule": None}
RECORDS = [
    decision(1, host="a.example"),
    decision(2, "allow", host="a.example"),
    end(3, 2),
    decision(4, "allow", host="b.example"),
    end(5, 4, decision=LATER),
    decision(6, "allow", host="a.example"),
    end(7, 6, decision=LATER),
    decision(8, host="a.example"),
]


def test_refusals_come_newest_first_and_later_ones_too(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)
    found = refusals(tmp_path, Filter(host="a.example"), 5)

    assert [(seq_of(each.record), each.reason, each.denied) for each in found] == [
        (8, "rule-deny", True),
        (6, "upstream-broken", True),
        (1, "rule-deny", True),
    ]
    assert [seq_of(each.record) for each in refusals(tmp_path, Filter(host="a.example"), 1)] == [8]
    assert refusals(tmp_path, Filter(host="c.example"), 5) == []


def test_the_records_of_a_decision_are_found_without_a_look_at_segments_from_before_it(tmp_path: Path) -> None:
    days = [[decision(day, top={"time": f"2026-11-{day}T10:00:00.000000Z"})] for day in (20, 21)]
    first, *_ = write(tmp_path, *days, [decision(22, "allow"), end(23, 22)])
    first.write_bytes(b"whoever reads this complains\n")
    complaints: list[Damage] = []

    found = records_of(tmp_path, name(22), complaints.append)

    assert [(seq_of(each), each["event"]) for each in found] == [(22, "decision"), (23, "end")]
    assert not [each for each in complaints if each.segment == first]


def test_an_exchange_is_found_by_its_id_whatever_became_of_it(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)

    assert exchange(tmp_path, name(1)) == Refusal(RECORDS[0])
    allowed = exchange(tmp_path, name(2))
    assert allowed is not None
    assert not allowed.denied
    later = exchange(tmp_path, name(6))
    assert later is not None
    assert (later.reason, later.denied) == ("upstream-broken", True)
    assert exchange(tmp_path, name(9)) is None


def test_an_id_tells_how_far_back_to_look() -> None:
    assert of_decision("0" * 26) == Filter(id="0" * 26, since="1970-01-01T00:00:00.000000Z")
    assert of_decision(name(1)).since == "2026-11-22T10:00:10.000000Z"
    assert of_decision("NO-ID").since is None


def test_damage_on_the_way_is_told(tmp_path: Path) -> None:
    write(tmp_path, b"broken\n")
    damage: list[Damage] = []

    assert refusals(tmp_path, Filter(host="a.example"), 1, damage.append) == []
    assert [each.message for each in damage] == ["this line holds no record"]
