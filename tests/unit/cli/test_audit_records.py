from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.audit import main
from gateway.cli.audit_records import identifier, last_number
from gateway.cli.outcome import Unusable
from tests.unit.audit.reading.made import decision, end, line, name, write

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = [
    decision(1, host="a.example"),
    end(2, 1, status=403),
    decision(3, "allow", host="b.example"),
    end(4, 3, status=200),
    decision(5, host="b.a.example", client="10.9.9.9"),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path, RECORDS[:3], RECORDS[3:])
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ([1, 3, 5], ["grep", "--event", "decision"]),
        ([1, 2], ["grep", "--status", "403", "--until", "2026-11-23T10:00:30Z"]),
        ([5], ["grep", "--client", "10.9.0.0/16", "--host", "a.example"]),
        ([4, 5], ["tail", "-n", "2"]),
        ([3], ["tail", "-n", "1", "--verdict", "allow"]),
        ([3, 4], ["show", name(3)]),
    ],
)
def test_records_are_the_lines_of_the_log(
    wanted: list[int], arguments: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--log", str(log), "--format", "json"]) == 0

    assert capsys.readouterr().out.encode() == b"".join(line(RECORDS[number - 1]) for number in wanted)


def test_show_tells_what_the_line_has_no_room_for(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", name(1), "--log", str(log)]) == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("rule-deny  no-ads (corporate.yaml:21)")
    assert shown[1] == "  decided by rule `no-ads` at corporate.yaml:21"
    assert "  on list `ads` as `ads.example`, 2d old" in shown


def test_nothing_found_is_a_finding_and_in_a_damaged_log_undecided(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grep", "--host", "c.example", "--log", str(log)]) == 1
    write(log, line(RECORDS[0]) + b"broken\n")
    assert main(["grep", "--host", "c.example", "--log", str(log)]) == 3
    assert "this line holds no record" in capsys.readouterr().err


def test_an_id_is_letters_and_digits() -> None:
    assert identifier("01jd") == "01JD"
    with pytest.raises(Unusable, match="is no decision id"):
        identifier("a b")


def test_following_begins_behind_the_newest_record(log: Path) -> None:
    assert [last_number(argparse.Namespace(log=log, follow=each)) for each in (True, False)] == [5, 0]
    assert json.loads(line(RECORDS[-1]))["seq"] == 5
