from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.reading.figures import Figures, figures
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.scanning import Scan
from tests.unit.audit.reading.made import at, decision, end, write

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    decision(1, host="a.example"),
    end(2, 1, status=403, seconds=0.5, bytes={"up": 1, "down": 10}),
    decision(3, "allow", host="b.example"),
    end(4, 3, status=200, seconds=1.5, bytes={"up": 2, "down": 20}),
    decision(400, "allow", host="b.example"),
    end(401, 400, status=None, seconds=2.5, bytes={"up": 4, "down": 40}),
]


def counted(directory: Path, per: str = "hour", **asked: Any) -> Figures:
    wanted = Filter(**asked)
    return figures(Scan(directory, Filter(since=wanted.since, until=wanted.until)), wanted, per)


def test_everything_is_counted(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)
    found = counted(tmp_path)

    assert (found.first, found.last) == (at(1), at(401))
    assert (found.events, found.verdicts) == ({"decision": 3, "end": 3}, {"allow": 2, "deny": 1})
    assert found.reasons == {"rule-deny": 1, "allowed-by-default": 2}
    assert found.statuses == {"403": 1, "200": 1, "none": 1}
    assert (found.ended, found.up, found.down) == (3, 7, 70)
    assert found.periods == {"2026-11-23T10": {"deny": 1, "allow": 1}, "2026-11-23T11": {"allow": 1}}
    assert counted(tmp_path, per="day").periods == {"2026-11-23": {"deny": 1, "allow": 2}}


def test_an_end_belongs_to_its_decision(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)
    found = counted(tmp_path, host="b.example")

    assert (found.events, found.up, list(found.seconds)) == ({"decision": 2, "end": 2}, 6, [1.5, 2.5])
    assert counted(tmp_path, verdict="deny").down == 10
    assert counted(tmp_path, host="b.example", since=at(5)).up == 4
    assert counted(tmp_path, event="end").events == {"end": 3}
    assert counted(tmp_path, status=200).events == {"end": 1}


@pytest.mark.parametrize(
    ("wanted", "part", "seconds"),
    [
        (None, 0.5, []),
        (1.0, 0.99, [1.0]),
        (2.0, 0.5, [3.0, 1.0, 2.0]),
        (3.0, 0.99, [3.0, 1.0, 2.0]),
        (1.0, 0.0, [2.0, 1.0]),
    ],
)
def test_a_percentile_is_one_of_the_values(wanted: float | None, part: float, seconds: list[float]) -> None:
    found = Figures()
    found.seconds.extend(seconds)

    assert found.percentile(part) == wanted


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert counted(tmp_path).first is None
