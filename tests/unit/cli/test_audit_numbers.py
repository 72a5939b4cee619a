from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.duck import write_parquet
from gateway.cli.audit import main
from gateway.cli.outcome import Unusable
from tests.unit.audit.reading.made import decision, end, name, write

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    decision(1, host="a.example"),
    end(2, 1, status=403, seconds=0.5, bytes={"up": 1, "down": 10}),
    decision(3, "allow", host="b.example"),
    end(4, 3, status=502, seconds=1.5, decision={"verdict": "deny", "reason": "upstream-broken", "rule": None}),
    decision(5, host="a.example", client="10.9.9.9"),
    decision(6, host=None),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path / "audit", RECORDS)
    return tmp_path / "audit"


def test_top_shows_counts_and_the_last_decision_to_look_up(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "blocked", "--log", str(log)]) == 0

    assert capsys.readouterr().out == (
        f"2  a.example  last {name(5)}\n"
        f"1  -          last {name(6)}\n"
        "3 decisions, 2 hosts\n"
        "1 were denied later, after they were let through: `audit grep --event end --verdict deny`\n"
    )


def test_top_can_be_narrowed_and_cut(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "all", "-n", "1", "--log", str(log)]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "4 decisions, 3 hosts, 2 more not shown"
    assert main(["top", "blocked", "--by", "client", "--host", "a.example", "--log", str(log), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "by": "client",
        "counted": 2,
        "values": 2,
        "denied_later": 0,
        "rows": [
            {"value": "10.1.2.3", "count": 1, "last": name(1)},
            {"value": "10.9.9.9", "count": 1, "last": name(5)},
        ],
    }
    assert main(["top", "blocked", "--host", "none.example", "--log", str(log)]) == 1


def test_top_asks_a_table_in_place_of_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_parquet(RECORDS, tmp_path / "all.parquet")
    ask = ["top", "blocked", "--by", "client", "--parquet", str(tmp_path / "all.parquet")]

    assert main(ask) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 decisions, 2 clients"
    assert main([*ask, "--host", "none.example"]) == 1
    with pytest.raises(Unusable, match=r"--parquet: `.*none` cannot be asked: "):
        main(["top", "blocked", "--parquet", str(tmp_path / "none")])


def test_stats_are_what_was_counted(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--per", "hour", "--log", str(log)]) == 0

    assert capsys.readouterr().out == (
        "first     2026-11-23T10:00:10.000000Z\n"
        "last      2026-11-23T10:01:00.000000Z\n"
        "records   decision 4, end 2\n"
        "verdicts  deny 3, allow 1\n"
        "reasons   rule-deny 3, allowed-by-default 1\n"
        "answers   403 1, 502 1\n"
        "bytes     6 up, 522 down\n"
        "seconds   p50 0.5, p99 1.5, of 2 exchanges\n"
        "2026-11-23T10          1 allowed          3 denied\n"
    )


def test_stats_for_programs_and_of_nothing(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--host", "a.example", "--log", str(log), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bytes"], found["seconds"]) == (
        {"up": 1, "down": 10},
        {"p50": 0.5, "p99": 0.5, "exchanges": 1},
    )
    assert main(["stats", "--host", "none.example", "--log", str(log)]) == 1
    assert capsys.readouterr().out == "no records\n"
