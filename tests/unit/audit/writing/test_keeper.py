from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.reader import Damage, records
from gateway.audit.records.ids import IdSource
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.keeper import Keeper
from gateway.audit.writing.segments import segments, stem
from gateway.audit.writing.writer import WriterOptions
from tests.unit.audit.logs import causes, event, until, whole_log

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record
    from tests.unit.audit.logs import Opened

DAY = 86_400.0
ALLOW = '{{"v":1,"seq":{},"event":"decision","decision":{{"verdict":"allow"}}}}\n'
DENY = '{{"v":1,"seq":{},"event":"decision","decision":{{"verdict":"deny"}}}}\n'


class Log:
    """Three closed segments, of days 0 to 2, each with an allow and a deny, and an active one."""

    def __init__(self, directory: Path, now: float, retain: dict[str, float], *, refusing: str = "") -> None:
        self.directory = directory
        self.told: list[Record] = []
        self.refusing = refusing
        for day in range(4):
            name = IdSource(lambda day=day: day * DAY, bytes).next()  # type: ignore[misc]  # mypy knows no defaults here
            (directory / f"{name}.jsonl").write_text(ALLOW.format(2 * day + 1) + DENY.format(2 * day + 2))
        self.keeper = Keeper(directory, compressing=False, retain=retain, clock=lambda: now, tell=self.tell)

    def tell(self, record: Record) -> Future[int]:
        self.told.append(record)
        done: Future[int] = Future()
        if self.refusing == "at once":
            raise AuditUnavailable("the disk is full")
        if self.refusing == "later":
            done.set_exception(AuditUnavailable("the disk is full"))
        else:
            done.set_result(1)
        return done

    def look(self) -> list[object]:
        """Look once; the numbers of the records that are left."""
        self.keeper.look(stem(segments(self.directory)[-1]))
        damage: list[Damage] = []
        left = [each["seq"] for each in records(self.directory, on_damage=damage.append)]
        assert damage == []
        return left


def test_what_was_kept_long_enough_goes_and_the_rest_stays(tmp_path: Path) -> None:
    log = Log(tmp_path, 32.5 * DAY, {"allow": 30 * DAY})

    assert log.look() == [2, 4, 5, 6, 7, 8]
    assert [each["removed"] for each in log.told] == [{"allow": 1}, {"allow": 1}]
    assert [(each["first"], each["last"], each["whole"]) for each in log.told] == [(1, 1, False), (3, 3, False)]
    assert [path.suffix for path in segments(tmp_path)] == [".zst", ".zst", ".jsonl", ".jsonl"]


def test_a_segment_is_looked_at_once_for_the_same_kinds(tmp_path: Path) -> None:
    log = Log(tmp_path, 32.5 * DAY, {"allow": 30 * DAY})
    log.look()
    log.look()

    assert len(log.told) == 2


def test_the_beginning_of_the_log_goes_as_a_whole_but_never_the_active_segment(tmp_path: Path) -> None:
    log = Log(tmp_path, 1000 * DAY, {"allow": 30 * DAY, "deny": 60 * DAY})

    assert log.look() == [7, 8]
    assert [each["whole"] for each in log.told] == [True, True, True]
    assert len(segments(tmp_path)) == 1


@pytest.mark.parametrize("refusing", ["at once", "later"])
def test_nothing_is_removed_that_could_not_be_told(
    refusing: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log(tmp_path, 1000 * DAY, {"allow": DAY}, refusing=refusing)

    with caplog.at_level(logging.WARNING):
        assert log.look() == list(range(1, 9))

    assert "audit: nothing is removed: the disk is full" in caplog.text
    assert all(path.suffix == ".jsonl" for path in tmp_path.iterdir())


def test_nothing_is_kept_for_a_time_unless_somebody_says_so(tmp_path: Path) -> None:
    log = Log(tmp_path, 1000 * DAY, {})

    assert log.look() == list(range(1, 9))
    assert log.told == []


def test_a_writer_compresses_what_it_has_closed_and_leaves_the_active_segment(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(gather=0.0, sync_interval=0.0, segment_size=1000))
    for number in range(50):
        writer.append_durable(event(number)).result(5)
    until(lambda: all(path.suffix == ".zst" for path in segments(directory)[:-1]))

    assert causes(whole_log(directory)) == [f"number {number}" for number in range(50)]
    assert len(segments(directory)) >= 4
    assert segments(directory)[-1].suffix == ".jsonl"
    writer.close()

    again = opened()
    assert again.append(event(50)) == 51


def test_a_log_whose_closed_segments_are_all_compressed_goes_on_with_the_next_number(
    directory: Path, opened: Opened
) -> None:
    writer = opened(WriterOptions(gather=0.0, segment_size=1))
    writer.append_durable(event(1)).result(5)
    until(lambda: [path.suffix for path in segments(directory)] == [".zst", ".jsonl"])
    writer.close()

    assert opened().append(event(2)) == 2


def test_a_writer_says_what_it_removed(directory: Path, opened: Opened) -> None:
    now = [0.0]
    writer = opened(WriterOptions(gather=0.0, segment_age=60.0, retain={"other": 120.0}), clock=lambda: now[0])
    writer.append_durable(event(1)).result(5)
    now[0] = 100.0
    writer.append_durable(event(2)).result(5)
    until(lambda: len(segments(directory)) == 2)
    now[0] = 1000.0
    writer.append_durable(event(3)).result(5)
    until(lambda: any(each["event"] == "retention" for each in records(directory)))
    writer.close()

    found = list(records(directory))
    told = [each for each in found if each["event"] == "retention"]
    assert told[0]["removed"] == {"other": 2}
    assert (told[0]["first"], told[0]["last"], told[0]["whole"]) == (1, 2, True)
    assert causes(found) == ["number 3"]
