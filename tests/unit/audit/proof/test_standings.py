from __future__ import annotations

import stat
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.standings import Standing, Standings

if TYPE_CHECKING:
    from pathlib import Path

WELL = Standing(name="file /mnt/a", size=12, kept="2026-11-23T10:00:00.000000Z")
ILL = Standing(name="syslog tls://b:6514", since="2026-11-23T11:00:00.000000Z", why="it hung up")


@pytest.fixture
def standings(tmp_path: Path) -> Standings:
    return Standings(tmp_path / "anchors")


def test_what_was_written_down_is_there_the_next_time(standings: Standings) -> None:
    for each in (WELL, ILL):
        standings.put(each)

    again = Standings(standings.path)
    assert (again.of(WELL.name), again.of(ILL.name)) == (WELL, ILL)
    assert again.of("another") == Standing(name="another")
    assert stat.S_IMODE(standings.path.stat().st_mode) == 0o600


def test_anchors_that_are_no_longer_asked_are_forgotten(standings: Standings) -> None:
    for each in (WELL, ILL):
        standings.put(each)
    standings.keep_only(frozenset({WELL.name, ILL.name}))
    assert len(standings.all()) == 2

    standings.keep_only(frozenset({ILL.name}))

    assert standings.all() == (ILL,)


@pytest.mark.parametrize("content", ["", "{", "7", "[7]", '[{"surprise": 1}]', "\x00"])
def test_a_file_of_another_kind_holds_nothing(content: str, standings: Standings) -> None:
    standings.path.write_text(content)

    assert standings.all() == ()
    standings.put(WELL)
    assert standings.all() == (WELL,)


def test_threads_lose_nothing_of_each_other(standings: Standings) -> None:
    threads = [Thread(target=standings.put, args=(Standing(name=str(number), size=number),)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {each.name: each.size for each in standings.all()} == {str(number): number for number in range(12)}


def test_people_are_told_what_an_anchor_has_and_why_it_fails() -> None:
    assert str(WELL) == "anchor `file /mnt/a` has that of 12 records, of 2026-11-23T10:00:00.000000Z"
    assert str(ILL) == (
        "anchor `syslog tls://b:6514` has no checkpoint yet, and fails since 2026-11-23T11:00:00.000000Z: it hung up"
    )
