from __future__ import annotations

import errno
import json
import logging
import stat
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from gateway.audit.proof.anchors import FileAnchor, Keeper, anchor_line
from tests.unit.audit.logs import until
from tests.unit.audit.proof.proved import MONDAY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def keeper(anchor: Wall, interval: float = 0.0, patience: float = 5.0) -> Keeper:
    return Keeper(anchor, lambda: MONDAY, interval=interval, patience=patience)


def test_a_file_gets_a_line_for_every_checkpoint_that_it_keeps(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "anchor")
    for text in ("one\n", "two\n"):
        anchor.keep(anchor_line(text, MONDAY))

    lines = [json.loads(each) for each in anchor.path.read_text().splitlines()]
    assert lines == [{"time": "2026-11-23T00:00:00.000000Z", "checkpoint": text} for text in ("one\n", "two\n")]
    assert stat.S_IMODE(anchor.path.stat().st_mode) == 0o600
    assert anchor.name == f"file {anchor.path}"


def test_the_last_checkpoint_is_kept_before_the_end() -> None:
    wall = Wall()
    wall.open.set()
    keeping = keeper(wall, interval=3600.0)
    keeping.offer("one")
    until(lambda: wall.lines == ["one"])

    keeping.offer("two")
    keeping.offer("three")
    keeping.close()

    assert wall.lines == ["one", "three"]


def test_a_slow_anchor_holds_up_nobody_and_gets_the_newest() -> None:
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


def test_an_anchor_that_fails_is_told_once_and_tried_until_it_works(caplog: pytest.LogCaptureFixture) -> None:
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


def test_an_anchor_that_never_answers_does_not_hold_up_the_end(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall()
    keeping = keeper(wall, patience=0.01)
    keeping.offer("one")

    keeping.close()

    assert "audit: wall: the last checkpoint was not kept" in caplog.messages
    wall.open.set()
