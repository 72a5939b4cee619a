"""The checker of audit logs is worth nothing if it finds nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.events import connection_record, start_record, stop_record
from gateway.audit.records.record import Circumstances, decision_record, end_record
from gateway.policy.addresses import Address
from gateway.policy.model import Facts, Mode, Reason, refuse
from tests.e2e.trail import Record, check_trail, read_log

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = Circumstances(id="0" * 26, listener="egress", mode=Mode.FORWARD)
ONE = "0" * 25 + "1"
TWO = "0" * 25 + "2"
GOOD = (
    ("start", None),
    ("decision", ONE),
    ("decision", TWO),
    ("end", TWO),
    ("connection", "0" * 26),
    ("end", ONE),
    ("stop", None),
)


EXCHANGE: dict[str, Record] = {
    "decision": decision_record(Facts(now=0.0), refuse(Reason.CAPACITY), ABOUT, 0.0),
    "end": end_record(decision_id=ONE, status=None, up=0, down=0, seconds=0.0, now=0.0),
    "start": start_record(version="1", engine="mitmproxy", listeners=[], now=0.0),
    "stop": stop_record(cause="told to end", now=0.0),
    "connection": connection_record(
        decision_id=ONE,
        listener="egress",
        client=(Address.parse("127.0.0.1"), 1),
        outcome="closed",
        reason=None,
        detail=None,
        up=0,
        down=0,
        seconds=0.0,
        now=0.0,
    ),
}


def _log(folder: Path, events: tuple[tuple[str, str | None], ...], *, mode: int = 0o600, skip: int = 0) -> None:
    (folder / "audit").mkdir(mode=0o700)
    path = folder / "audit" / "1.jsonl"
    lines: list[Record] = [
        {"v": 1, "seq": seq} | EXCHANGE[event] | ({} if name is None else {"id": name})
        for seq, (event, name) in enumerate(events, 1)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines if line["seq"] != skip), encoding="utf-8")
    path.chmod(mode)


def test_a_whole_log_is_fine(tmp_path: Path) -> None:
    _log(tmp_path, GOOD)

    assert len(check_trail(tmp_path, [ONE, TWO])) == len(GOOD)


@pytest.mark.parametrize(
    "events",
    [
        GOOD[:3] + GOOD[4:],
        GOOD[:2] + GOOD[3:],
        (*GOOD[:2], GOOD[1], *GOOD[2:]),
        (*GOOD[:4], GOOD[3], *GOOD[4:]),
        (GOOD[0], GOOD[3], *GOOD[1:3], *GOOD[4:]),
        GOOD[1:],
        GOOD[:-1],
        (GOOD[0], ("decision", "x"), ("end", "x"), GOOD[-1]),
    ],
    ids=["no end", "no decision", "twice decided", "twice ended", "ended first", "no start", "no stop", "no id"],
)
def test_a_story_that_is_not_whole_is_found(events: tuple[tuple[str, str | None], ...], tmp_path: Path) -> None:
    _log(tmp_path, events)

    with pytest.raises(AssertionError):
        check_trail(tmp_path, [])


def test_a_missing_number_a_readable_file_and_an_unknown_id_are_found(tmp_path: Path) -> None:
    for number, (mode, skip, told) in enumerate(((0o600, 5, []), (0o640, 0, []), (0o600, 0, ["0" * 25 + "9"]))):
        folder = tmp_path / str(number)
        folder.mkdir()
        _log(folder, GOOD, mode=mode, skip=skip)
        with pytest.raises(AssertionError):
            check_trail(folder, told)


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"event": "party"}, {"more": 1}, {"id": "x"}, {"seconds": None}, {"time": "2026-11-23 10:00:00"}],
    ids=lambda change: next(iter(change)),
)
def test_a_record_that_the_schema_does_not_know_is_found(change: Record, tmp_path: Path) -> None:
    record = {"v": 1, "seq": 1} | EXCHANGE["end"]
    (tmp_path / "1.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    assert read_log(tmp_path) == [record]

    (tmp_path / "1.jsonl").write_text(json.dumps(record | change) + "\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        read_log(tmp_path)
