from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.reader import seq_of
from gateway.audit.reading.scanning import Scan
from gateway.audit.writing.compression import compress
from tests.unit.audit.reading.made import decision, line, write

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_come_with_their_records(tmp_path: Path) -> None:
    wanted = decision(2, host="b.example")
    write(tmp_path, [decision(1, host="a.example"), wanted, decision(3, "allow", host="b.example")])

    assert list(matching(Scan(tmp_path, Filter(verdict="deny", host="example", reason="rule-deny", path="/x")))) != []
    assert list(matching(Scan(tmp_path, Filter(verdict="deny", host="b.example")))) == [(line(wanted)[:-1], wanted)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("count", [0, 1, 5, 700, 1200, 5000])
def test_the_newest_come_oldest_first_over_all_segments(packed: bool, count: int, tmp_path: Path) -> None:  # noqa: FBT001 - both forms of a segment
    numbers = range(1, 1501)
    every = [
        decision(number, "deny" if number % 2 else "allow", top={"time": decision(1)["time"]}) for number in numbers
    ]
    first, _, _ = write(tmp_path, every[:700], every[600:1400], every[1400:])
    if packed:
        compress(first, lambda: True)

    found = newest(tmp_path, Filter(verdict="deny"), count)
    assert [seq_of(each) for each in found] == [number for number in numbers if number % 2][max(0, 750 - count) :]
    assert [seq_of(each) for each in newest(tmp_path, Filter(), count)] == list(numbers)[max(0, 1500 - count) :]
