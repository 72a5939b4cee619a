from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.cursors import CursorFile, Position

if TYPE_CHECKING:
    from pathlib import Path

POSITION = Position("01LOG", 17, "01SEGMENT")


def test_a_position_is_found_again(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "cursors" / "siem.json")

    assert cursor.load() is None
    cursor.save(POSITION)
    cursor.save(Position("01LOG", 18, "01SEGMENT"))

    assert cursor.load() == Position("01LOG", 18, "01SEGMENT")
    assert [path.name for path in cursor.path.parent.iterdir()] == ["siem.json"]
    assert stat.filemode(cursor.path.stat().st_mode) == "-rw-------"
    assert stat.filemode(cursor.path.parent.stat().st_mode) == "drwx------"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"log":"x","seq":-1,"segment":""}', '{"log":"x","seq":"1"}'])
def test_a_file_that_is_no_cursor_is_no_position(text: str, tmp_path: Path) -> None:
    path = tmp_path / "siem.json"
    path.write_text(text, encoding="ascii")

    with pytest.raises(ValueError):  # noqa: PT011 - what JSON says of it is not ours
        CursorFile(path).load()


def test_an_attempt_that_was_cut_short_leaves_the_position_before(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "siem.json")
    cursor.save(POSITION)
    (tmp_path / "siem.json.new").write_text('{"log":', encoding="ascii")

    assert cursor.load() == POSITION
    cursor.save(POSITION)
    assert cursor.load() == POSITION
