"""The checker of audit logs is worth nothing if it finds nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.trail import Record, check_trail

if TYPE_CHECKING:
    from pathlib import Path

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


def _log(folder: Path, events: tuple[tuple[str, str | None], ...], *, mode: int = 0o600, skip: int = 0) -> None:
    (folder / "audit").mkdir(mode=0o700)
    path = folder / "audit" / "1.jsonl"
    lines: list[Record] = [
        {"seq": seq, "event": event} | ({} if name is None else {"id": name})
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
