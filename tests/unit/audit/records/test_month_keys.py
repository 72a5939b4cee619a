from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.month_keys import LENGTH, MonthKeys
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_made_once_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "audit-keys"
    made = MonthKeys(folder, kept=3).key("2026-11")

    assert len(made) == LENGTH
    assert stat.filemode(folder.stat().st_mode) == "drwx------"
    assert [stat.filemode(path.stat().st_mode) for path in folder.iterdir()] == ["-rw-------"]
    assert MonthKeys(folder, kept=3).key("2026-11") == made


def test_every_month_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = MonthKeys(tmp_path, kept=3)

    assert keys.key("2026-11") != keys.key("2026-12")


@pytest.mark.parametrize(
    ("kept", "left"),
    [(1, ["2027-01.key"]), (2, ["2026-12.key", "2027-01.key"]), (12, ["2026-11.key", "2026-12.key", "2027-01.key"])],
)
def test_keys_of_months_that_are_over_are_erased_and_nothing_else_is(
    kept: int, left: list[str], tmp_path: Path
) -> None:
    (tmp_path / "notes.key").write_text("mine", encoding="utf-8")
    for month in ("2026-11", "2026-12", "2027-01"):
        MonthKeys(tmp_path, kept=kept).key(month)

    assert sorted(path.name for path in tmp_path.iterdir()) == [*left, "notes.key"]


def test_a_key_that_another_process_made_first_is_the_one(tmp_path: Path) -> None:
    def slowly(length: int) -> bytes:
        (tmp_path / "2026-11.key").touch(0o600)
        (tmp_path / "2026-11.key").write_bytes(b"o" * LENGTH)
        return b"m" * length

    assert MonthKeys(tmp_path, kept=1, entropy=slowly).key("2026-11") == b"o" * LENGTH
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11.key"]


@pytest.mark.parametrize(
    ("said", "mode", "content"),
    [
        ("is open to others, close it with `chmod 0600", 0o640, b"o" * LENGTH),
        ("has 3 bytes instead of 32", 0o600, b"o" * 3),
    ],
)
def test_a_key_that_others_could_read_or_that_is_none_is_not_used(
    said: str, mode: int, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "2026-11.key"
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(AuditUnavailable, match=said):
        MonthKeys(tmp_path, kept=1).key("2026-11")


def test_a_key_that_cannot_be_kept_is_none(tmp_path: Path) -> None:
    (tmp_path / "audit-keys").write_text("in the way", encoding="utf-8")

    with pytest.raises(AuditUnavailable, match="of client addresses: file exists"):
        MonthKeys(tmp_path / "audit-keys", kept=1).key("2026-11")


def test_asking_for_a_key_makes_none_and_erases_none(tmp_path: Path) -> None:
    keys = MonthKeys(tmp_path / "keys", kept=2)
    assert (keys.months(), keys.find("2026-11")) == ([], None)
    assert not keys.folder.exists()

    made = {month: keys.key(month) for month in ("2026-10", "2026-11")}
    (keys.folder / "notes.key").write_bytes(b"x")

    assert keys.months() == ["2026-10", "2026-11"]
    assert {month: MonthKeys(keys.folder, kept=0).find(month) for month in made} == made
    assert MonthKeys(keys.folder, kept=0).find("notes") is None
    assert keys.months() == ["2026-10", "2026-11"]
