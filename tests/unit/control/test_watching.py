"""Changes are found however they were made, once each, and not before they have come to rest."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.control.watching import Watch, stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETTLE = 1.0
NOBODY: frozenset[str] = frozenset()
LAW = frozenset({"law"})


@dataclass
class Desk:
    """A folder with two groups of files that are watched, and a clock that is moved by hand."""

    folder: Path
    now: float = 1000.0
    groups: dict[str, list[Path]] = field(default_factory=dict)
    watch: Watch[str] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("law", "lists"):
            self.write(name, "old")
            self.groups[name] = [self.folder / name]
        self.watch = Watch(lambda: self.groups, SETTLE, lambda: self.now, noted=float("inf"))
        assert self.watch.changed() == NOBODY

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def after(self, seconds: float) -> frozenset[str]:
        """What has changed, looked at so much later."""
        self.now += seconds
        return self.watch.changed()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def written(desk: Desk) -> None:
    desk.write("law", "newer")


def renamed(desk: Desk) -> None:
    desk.write(".law.swp", "new").replace(desk.folder / "law")


def of_the_same_age_and_size(desk: Desk) -> None:
    before = (desk.folder / "law").stat()
    fresh = desk.write(".law.new", "new")
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(desk.folder / "law")


def put_back(desk: Desk) -> None:
    (desk.folder / "law").unlink()
    assert desk.after(SETTLE) == NOBODY
    desk.write("law", "back")


def made_readable(desk: Desk) -> None:
    (desk.folder / "law").chmod(0o600)


@pytest.mark.parametrize("change", [written, renamed, of_the_same_age_and_size, put_back, made_readable])
def test_a_change_is_told_once_when_it_has_come_to_rest(change: Callable[[Desk], None], desk: Desk) -> None:
    change(desk)

    assert [desk.after(0.5) for _ in range(4)] == [NOBODY, NOBODY, LAW, NOBODY]


def test_a_link_that_is_swapped_elsewhere_is_a_change(desk: Desk) -> None:
    for name in ("one", "two"):
        (desk.folder / name).mkdir()
        desk.write(f"{name}/policy", name)
    data, policy = desk.folder / "..data", desk.folder / "policy"
    data.symlink_to("one")
    policy.symlink_to("..data/policy")
    desk.groups["law"] = [policy]
    assert desk.after(SETTLE) == NOBODY

    fresh = desk.folder / "..data_tmp"
    fresh.symlink_to("two")
    fresh.replace(data)

    assert [desk.after(0.5) for _ in range(3)] == [NOBODY, NOBODY, LAW]


def test_what_is_still_being_written_is_left_alone(desk: Desk) -> None:
    for length in range(1, 6):
        desk.write("law", "x" * 10 * length)
        assert desk.after(0.9) == NOBODY

    assert desk.after(1.0) == LAW


def test_what_never_comes_to_rest_is_told_all_the_same(desk: Desk) -> None:
    told = []
    for length in range(40):
        desk.write("law", "y" * (length + 10))
        told.append(desk.after(0.9))

    assert told.count(LAW) == 1


def test_a_file_that_is_gone_has_longer_to_come_back(desk: Desk) -> None:
    (desk.folder / "law").unlink()

    assert [desk.after(1.0) for _ in range(5)] == [NOBODY, NOBODY, NOBODY, LAW, NOBODY]
    desk.write("law", "back")
    assert [desk.after(1.0) for _ in range(2)] == [NOBODY, LAW]


def test_what_was_read_meanwhile_is_no_news(desk: Desk) -> None:
    desk.write("law", "newer")
    desk.write("lists", "newer")
    assert desk.after(0.5) == NOBODY

    desk.watch.note(["law"])

    assert [desk.after(1.0) for _ in range(2)] == [frozenset({"lists"}), NOBODY]
    desk.write("law", "newest")
    desk.watch.note()
    assert desk.after(2.0) == NOBODY


def test_a_change_back_is_none(desk: Desk) -> None:
    before = (desk.folder / "law").stat()
    (desk.folder / "law").chmod(0o600)
    assert desk.after(0.5) == NOBODY

    (desk.folder / "law").chmod(before.st_mode)

    assert [desk.after(1.0) for _ in range(3)] == [NOBODY] * 3


def test_a_file_that_is_named_anew_is_news_if_it_came_after_the_reading(desk: Desk) -> None:
    early, late = desk.write("early", "x"), desk.write("late", "x")
    desk.now = (stamp_of(late) or pytest.fail("it is there")).touched + 100.0
    desk.watch.note(["lists"])
    desk.groups["lists"] = [early]
    assert [desk.after(1.0) for _ in range(3)] == [NOBODY] * 3

    desk.now = (stamp_of(late) or pytest.fail("it is there")).touched - 100.0
    desk.watch.note(["law"])
    desk.groups["law"] = [late]

    assert [desk.after(1.0) for _ in range(3)] == [NOBODY, LAW, NOBODY]


def test_a_file_that_is_not_there_yet_is_news_when_it_comes(desk: Desk) -> None:
    desk.groups["lists"] = [desk.folder / "lists", desk.folder / "missing"]
    assert desk.after(1.0) == NOBODY

    desk.write("missing", "here")

    assert [desk.after(1.0) for _ in range(2)] == [NOBODY, frozenset({"lists"})]


def test_one_file_of_two_groups_is_news_for_both(desk: Desk) -> None:
    desk.groups["lists"] = desk.groups["law"]
    assert desk.after(1.0) == NOBODY
    desk.write("law", "newer")

    assert [desk.after(1.0) for _ in range(2)] == [NOBODY, frozenset({"law", "lists"})]


def test_a_path_that_leads_nowhere_has_no_stamp(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    assert [stamp_of(tmp_path / name) for name in ("missing", "loop", "nul\0")] == [None] * 3
