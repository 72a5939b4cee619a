"""What the writing thread does when all is well and when the disk fails, seen by a witness and by those who wait."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import open_segment, segments
from gateway.audit.writing.witness import FirstWords
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import QUICK, causes, event, until, whole_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.audit.writing.witness import LogAtStart
    from tests.unit.audit.logs import Opened


class Diary:
    """A witness that remembers what it was told."""

    def __init__(self, taken: int = 0, words: tuple[Record, ...] = ()) -> None:
        self.lines: list[bytes] = []
        self.safe = 0
        self.closed_segments: list[str] = []
        self.starts: list[LogAtStart] = []
        self.is_closed = False
        self.taken, self.words = taken, words

    def opened(self, log: LogAtStart) -> FirstWords:
        self.starts.append(log)
        return FirstWords(self.taken, self.words)

    def appended(self, lines: Sequence[bytes]) -> None:
        self.lines += lines

    def synced(self) -> None:
        self.safe = len(self.lines)

    def rotated(self, path: Path) -> None:
        self.closed_segments.append(path.name)

    def closed(self) -> None:
        self.is_closed = True


def test_a_witness_sees_every_line_of_the_log_once_and_in_its_bytes(directory: Path, opened: Opened) -> None:
    diary = Diary()
    writer = opened(WriterOptions(gather=0.0, sync_interval=0.0, segment_size=500, compress=False), witness=diary)
    for number in range(20):
        writer.append_durable(event(number)).result(5)
    writer.close()

    assert b"".join(diary.lines) == b"".join(path.read_bytes() for path in segments(directory))
    assert (diary.safe, diary.is_closed) == (20, True)
    assert diary.closed_segments == [path.name for path in segments(directory)[:-1]]
    assert [(each.seq, each.cut) for each in diary.starts] == [(0, 0)]


def test_a_witness_is_told_where_a_log_goes_on_and_may_write_itself(directory: Path, opened: Opened) -> None:
    first = opened()
    first.append(event(1))
    first.close()
    with segments(directory)[0].open("ab") as file:
        file.write(b"torn")
    diary = Diary()
    writer = opened(witness=diary)

    diary.starts[0].write(event(2))
    writer.close()

    assert (diary.starts[0].directory, diary.starts[0].seq, diary.starts[0].cut) == (directory, 1, 4)
    assert [each["seq"] for each in whole_log(directory)] == [1, 2, 3]
    assert [each.split(b",")[1] for each in diary.lines] == [b'"seq":2', b'"seq":3']


def test_the_number_of_a_record_that_is_gone_is_not_given_away(directory: Path, opened: Opened) -> None:
    diary = Diary(taken=41, words=(event(1),))
    writer = opened(witness=diary)
    assert writer.append(event(2)) == 43
    writer.close()

    assert [each.split(b",")[1] for each in diary.lines] == [b'"seq":42', b'"seq":43']


def test_a_line_that_is_written_twice_is_witnessed_once(directory: Path, opened: Opened) -> None:
    left = [1]

    def fails_once(path: Path) -> int:
        return os.open("/dev/null", os.O_WRONLY) if left and left.pop() else open_segment(path)

    diary = Diary()
    writer = opened(QUICK, fails_once, diary)
    with pytest.raises(AuditUnavailable):
        writer.append_durable(event(1)).result(5)
    until(lambda: writer.healthy)
    writer.close()

    assert len(diary.lines) == diary.safe == len(whole_log(directory)) == 2


def test_what_a_witness_raises_ends_the_writer_and_nothing_is_accepted_any_more(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[str] = []
    monkeypatch.setattr("threading.excepthook", lambda args: raised.append(str(args.exc_value)))

    class Broken(Diary):
        def synced(self) -> None:
            raise LookupError("no tree")

    writer = AuditWriter(directory, QUICK, witness=Broken())
    writer.start()
    writer.append(event(1))
    until(lambda: not writer.healthy)

    with pytest.raises(AuditUnavailable, match="the audit writer failed"):
        writer.append(event(2))
    writer.close()
    assert raised == ["no tree"]


def test_a_log_that_was_taken_away_is_noticed_and_goes_on_when_it_is_back(directory: Path, opened: Opened) -> None:
    """The file is open and takes every byte; nobody would ever find them."""
    writer = opened()
    writer.append_durable(event(1)).result(5)
    directory.rename(directory.with_name("elsewhere"))

    with pytest.raises(AuditUnavailable, match="the audit log cannot be written: the segment was taken away"):
        writer.append_durable(event(2)).result(5)
    with pytest.raises(AuditUnavailable, match="the audit log cannot be written"):
        writer.append(event(3))
    directory.mkdir()
    until(lambda: writer.healthy)
    assert writer.append_durable(event(4)).result(5) == 4
    writer.close()

    found = [each["seq"] for path in segments(directory) for each in map(_record, path.read_bytes().splitlines())]
    assert found == [2, 3, 4]
    assert (directory / ".lock").read_text() == f"{os.getpid()}\n"


def _record(line: bytes) -> dict[str, int]:
    import orjson  # noqa: PLC0415 - one test needs it

    record: dict[str, int] = orjson.loads(line)
    return record


def test_segments_rotate_by_age_even_if_nothing_comes_any_more(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(gather=0.0, sync_interval=0.0, segment_age=0.05, compress=False))
    writer.append_durable(event(1)).result(5)

    until(lambda: len(segments(directory)) == 2)
    assert segments(directory)[1].stat().st_size == 0
    writer.append_durable(event(2)).result(5)

    assert causes(whole_log(directory)) == ["number 1", "number 2"]


def test_relaxed_records_are_in_the_file_soon_and_synced_late(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(durability="relaxed", gather=0.0))
    writer.append(event(1))

    until(lambda: causes(whole_log(directory)) == ["number 1"])

    assert writer.waiting == 1
    writer.close()
    assert writer.waiting == 0


def test_half_a_full_queue_is_synced_before_its_time(opened: Opened) -> None:
    writer = opened(WriterOptions(durability="relaxed", gather=0.0, most_records=10))
    for number in range(9):
        writer.append(event(number))

    until(lambda: writer.waiting == 0)
