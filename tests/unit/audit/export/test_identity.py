from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.identity import NAME, log_id
from gateway.audit.records.ids import decode

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_has_one_name_for_ever(tmp_path: Path) -> None:
    name = log_id(tmp_path)

    assert decode(name) is not None
    assert name == log_id(tmp_path)
    assert stat.filemode((tmp_path / NAME).stat().st_mode) == "-rw-------"
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_every_log_has_another_one(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert log_id(tmp_path / "one") != log_id(tmp_path / "two")


def test_a_name_that_is_none_is_not_made_up_for(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("hello", encoding="ascii")

    with pytest.raises(ValueError, match="does not hold the name of a log, remove it to have a new one made"):
        log_id(tmp_path)


def test_a_crash_while_it_is_made_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.new").write_text("half", encoding="ascii")

    assert decode(log_id(tmp_path)) is not None
