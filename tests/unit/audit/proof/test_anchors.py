from __future__ import annotations

import errno
import json
import logging
import stat
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.anchors import FileAnchor, Keeper, NotKept, anchor_line, size_in
from gateway.audit.proof.standings import Standing, Standings
from tests.unit.audit.logs import until
from tests.unit.audit.proof.proved import MONDAY

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.proof.anchors import Anchor
    from gateway.audit.records.record import Record


@dataclass
class Wall:
    """An anchor that takes a line when it is let, and fails as often as it is told."""

    name: str = "wall"
    failures: int = 0
    lines: list[str] = field(default_factory=list)
    open: Event = field(default_factory=Event)

    def keep(self, line: str) -> None:
        self.open.wait()
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        self.lines.append(json.loads(line)["checkpoint"])


@pytest.fixture
def standings(tmp_path: Path) -> Standings:
    return Standings(tmp_path / "standings")


@dataclass
class Keeping:
    """Starts keepers, and hears what they tell."""

    standings: Standings
    told: list[Record] = field(default_factory=list)

    def __call__(self, anchor: Anchor, interval: float = 0.0, patience: float = 5.0, retry: float = 0.0) -> Keeper:
        return Keeper(
            *(anchor, lambda: MONDAY, self.standings, self.told.append),
            interval=interval,
            patience=patience,
            retry=retry,
        )


@pytest.fixture
def keeper(standings: Standings) -> Keeping:
    return Keeping(standings)


def checkpoint(size: int) -> str:
    return f"wicketgate/1f\n{size}\nAAAA\n"


def test_a_file_gets_a_line_for_every_checkpoint_that_it_keeps(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor")
    for text in ("one\n", "two\n"):
        anchor.keep(anchor_line(text, MONDAY))

    lines = [json.loads(each) for each in anchor.path.read_text().splitlines()]
    assert lines == [{"time": "2026-11-23T00:00:00.000000Z", "checkpoint": text} for text in ("one\n", "two\n")]
    assert stat.S_IMODE(anchor.path.stat().st_mode) == 0o600
    assert anchor.name == f"file {anchor.path}"


def test_the_last_checkpoint_is_kept_before_the_end(keeper: Keeping) -> None:
    wall = Wall()
    wall.open.set()
    keeping = keeper(wall, interval=3600.0)
    keeping.offer("one")
    until(lambda: wall.lines == ["one"])

    keeping.offer("two")
    keeping.offer("three")
    keeping.close()

    assert wall.lines == ["one", "three"]


def test_a_slow_anchor_holds_up_nobody_and_gets_the_newest(keeper: Keeping) -> None:
    wall = Wall()
    keeping = keeper(wall)
    keeping.offer("one")
    for number in range(100):
        keeping.offer(f"number {number}")
    assert wall.lines == []

    wall.open.set()
    until(lambda: wall.lines[-1:] == ["number 99"])
    keeping.close()

    assert len(wall.lines) <= 2


def test_an_anchor_that_fails_is_told_once_and_tried_until_it_works(
    keeper: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    wall = Wall(failures=3)
    wall.open.set()
    with caplog.at_level(logging.WARNING):
        keeping = keeper(wall)
        keeping.offer("one")
        until(lambda: wall.lines == ["one"])
        keeping.close()

    assert [record.message for record in caplog.records] == [
        "audit: wall: a checkpoint was not kept, it is tried again: no route to host",
        "audit: wall: checkpoints are kept again",
    ]


def test_an_anchor_that_never_answers_does_not_hold_up_the_end(
    keeper: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    wall = Wall()
    keeping = keeper(wall, patience=0.01)
    keeping.offer("one")

    keeping.close()

    assert "audit: wall: the last checkpoint was not kept" in caplog.messages
    wall.open.set()


def test_an_anchor_that_fails_is_recorded_once_and_once_more_when_it_is_over(keeper: Keeping) -> None:
    wall = Wall(failures=3)
    wall.open.set()
    keeping = keeper(wall)
    keeping.offer(checkpoint(7))
    until(lambda: len(keeper.told) == 2)
    keeping.close()

    since = "2026-11-23T00:00:00.000000Z"
    shared = {"time": since, "event": "anchor", "anchor": "wall", "since": since}
    assert keeper.told == [
        {**shared, "outcome": "failed", "size": None, "detail": "no route to host"},
        {**shared, "outcome": "mended", "size": 7, "detail": None},
    ]
    assert keeping.standing == Standing(name="wall", size=7, kept=since, untold=since)
    keeping.was_told()
    assert keeper.standings.of("wall") == Standing(name="wall", size=7, kept=since)


def test_what_mends_at_the_very_end_is_told_at_the_next_start_and_no_more_once_it_is_on_record(keeper: Keeping) -> None:
    wall = Wall(failures=1)
    wall.open.set()
    first = keeper(wall, interval=3600.0, retry=3600.0)
    first.offer(checkpoint(7))
    until(lambda: keeper.standings.of("wall").is_failing)
    first.close()
    keeper.told.clear()  # the log was closed: nobody wrote it down

    again = keeper(wall)
    assert [(each["outcome"], each["since"], each["size"]) for each in keeper.told] == [
        ("mended", "2026-11-23T00:00:00.000000Z", 7)
    ]
    again.was_told()
    again.offer(checkpoint(8))
    again.close()
    keeper.told.clear()

    keeper(wall).close()
    assert keeper.told == []


def test_an_anchor_that_was_dead_at_the_end_and_works_at_the_next_start_is_told_of(keeper: Keeping) -> None:
    wall = Wall(failures=1000)
    wall.open.set()
    first = keeper(wall, interval=3600.0, retry=3600.0)
    first.offer(checkpoint(7))
    until(lambda: keeper.standings.of("wall").is_failing)
    first.close()
    keeper.told.clear()
    wall.failures = 0

    again = keeper(wall)
    assert again.standing.why == "no route to host"
    again.offer(checkpoint(8))
    until(lambda: bool(keeper.told))
    again.close()

    assert [each["outcome"] for each in keeper.told] == ["mended"]
    assert keeper.standings.of("wall").size == 8


def test_where_it_cannot_be_written_down_how_anchors_stand_they_are_served_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wall = Wall()
    wall.open.set()
    keeping = Keeping(Standings(tmp_path / "gone" / "standings"))(wall)
    keeping.offer(checkpoint(7))
    keeping.close()

    assert wall.lines == [checkpoint(7)]
    assert keeping.standing.size == 7
    assert "audit: how anchors stand cannot be written down: no such file or directory" in caplog.messages


@dataclass
class Faulty:
    """An anchor with a fault of ours, or one that says why it does not take anything."""

    error: Exception
    name: str = "faulty"

    def keep(self, _: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("why", "error"),
    [
        ("`tls://logs.example:6514`: it hung up", NotKept("`tls://logs.example:6514`: it hung up")),
        ("it failed by itself: ZeroDivisionError", ZeroDivisionError()),
        ("disk quota exceeded", OSError(errno.EDQUOT, "Disk quota exceeded")),
    ],
)
def test_why_an_anchor_fails_is_told(why: str, error: Exception, keeper: Keeping) -> None:
    keeping = keeper(Faulty(error), retry=3600.0, interval=3600.0)
    keeping.offer(checkpoint(1))
    until(lambda: bool(keeper.told))
    keeping.close()

    assert [each["detail"] for each in keeper.told] == [why]
    assert keeping.standing.why == why


def test_many_dead_anchors_hold_up_the_end_no_longer_than_one(keeper: Keeping) -> None:
    walls = [Wall(f"wall {number}") for number in range(3)]
    keeping = [keeper(each, patience=0.05) for each in walls]
    for each in keeping:
        each.offer("one")
    for each in keeping:
        each.hurry()
    for each in keeping:
        each.close()

    for wall in walls:
        assert wall.lines == []
        wall.open.set()


@pytest.mark.parametrize(
    ("size", "text"), [(12, checkpoint(12)), (0, ""), (0, "one"), (0, "one\n\n"), (0, "one\n\u0662\n"), (0, "a\n-1\n")]
)
def test_a_checkpoint_says_how_many_records_it_covers(size: int, text: str) -> None:
    assert size_in(text) == size
