from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.reader import records
from gateway.audit.writing.compression import compress
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.intake import Figures
from gateway.audit.writing.segments import segments
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import QUICK, causes, event, until, whole_log

if TYPE_CHECKING:
    from tests.unit.audit.logs import Opened

ROOT = Path(__file__).parents[4]


def test_records_are_numbered_from_one_and_written_as_they_came(directory: Path, opened: Opened) -> None:
    writer = opened()

    assert [writer.append(event(number)) for number in (7, 8)] == [1, 2]
    writer.close()

    text = segments(directory)[0].read_text()
    assert text.splitlines()[0] == (
        '{"v":1,"seq":1,"time":"2026-11-23T10:00:00.000000Z","event":"note","cause":"number 7"}'
    )
    assert causes(whole_log(directory)) == ["number 7", "number 8"]


def test_the_log_is_readable_by_its_owner_alone(directory: Path, opened: Opened) -> None:
    opened()

    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}

    assert directory.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert len(modes) == 2


def test_an_accepted_record_is_on_the_disk_within_the_interval(directory: Path, opened: Opened) -> None:
    synced: list[float] = []
    writer = opened(WriterOptions())
    accepted = time.monotonic()

    writer.append(event())
    until(lambda: writer.waiting == 0)
    synced.append(time.monotonic() - accepted)

    assert synced[0] < 0.5  # 0.1 is promised on an idle machine; a loaded one may be late, never silent
    assert len(whole_log(directory)) == 1


def test_a_record_is_in_the_file_long_before_it_is_synced(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(sync_interval=60.0))

    writer.append(event(1))
    until(lambda: len(whole_log(directory)) == 1)

    assert (writer.waiting, writer.healthy) == (1, True)


def test_a_durable_record_is_on_the_disk_when_its_future_says_so(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(sync_interval=60.0))

    assert writer.append_durable(event(1)).result(5) == 1
    assert writer.waiting == 0
    assert causes(whole_log(directory)) == ["number 1"]


def test_sync_waits_for_the_disk_and_batched_does_not(tmp_path: Path) -> None:
    async def waiting_after(durability: str) -> int:
        options = WriterOptions(durability="sync" if durability == "sync" else "batched", sync_interval=60.0)
        writer = AuditWriter(tmp_path / durability, options)
        writer.start()
        try:
            assert await writer.record(event()) == 1
            return writer.waiting
        finally:
            writer.close()

    assert (asyncio.run(waiting_after("sync")), asyncio.run(waiting_after("batched"))) == (0, 1)


def test_a_later_start_goes_on_with_the_next_number(directory: Path, opened: Opened) -> None:
    for number in range(3):
        writer = opened()
        writer.append(event(number))
        writer.close()

    assert causes(whole_log(directory)) == ["number 0", "number 1", "number 2"]
    assert len(segments(directory)) == 1


@pytest.mark.parametrize(
    ("cut", "torn"),
    [
        (20, b'{"v":1,"seq":2,"time'),
        (16, b'{"v":1,"seq":2,"'),
        (4096, b"\0" * 4096),
        (5, b"\0\0\0\0\n"),
        (14, b'{"v":1}\n{"v":1'),
        (200_001, b"\n" + b"x" * 200_000),
    ],
)
def test_a_torn_last_line_is_cut_and_told(cut: int, torn: bytes, directory: Path, opened: Opened) -> None:
    writer = opened()
    writer.append(event(1))
    writer.close()
    with segments(directory)[0].open("ab") as file:
        file.write(torn)

    writer = opened()
    assert writer.append(event(3)) == 3
    writer.close()

    found = whole_log(directory)
    assert causes(found) == ["number 1", "number 3"]
    assert (found[1]["event"], found[1]["reason"], found[1]["cut"]) == ("gap", "torn-line", cut)


def test_segments_rotate_by_size_and_their_names_keep_the_order(directory: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(gather=0.0, sync_interval=0.0, segment_size=1000))
    for number in range(100):
        writer.append_durable(event(number)).result(5)
    writer.close()

    assert causes(whole_log(directory)) == [f"number {number}" for number in range(100)]
    assert len(segments(directory)) >= 8
    assert max(path.stat().st_size for path in segments(directory)) < 1200


def test_many_threads_make_one_sequence(directory: Path, opened: Opened) -> None:
    writer = opened()

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda number: writer.append(event(number)), range(4000)))
    writer.close()

    found = whole_log(directory)
    assert sorted(numbers) == list(range(1, 4001))
    assert [found[seq - 1]["cause"] for seq in numbers] == [f"number {number}" for number in range(4000)]


def test_a_second_process_cannot_write_the_same_log(directory: Path, opened: Opened) -> None:
    opened()
    program = textwrap.dedent(f"""
        from pathlib import Path
        from gateway.audit.writing.errors import AuditUnavailable
        from gateway.audit.writing.writer import AuditWriter
        try:
            AuditWriter(Path({str(directory)!r})).start()
        except AuditUnavailable as error:
            print(error)
    """)

    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert answer.stdout == (
        f"audit: `{directory}` is written by another gateway (process {os.getpid()}), "
        "stop that one or give this one a directory of its own with `--state`\n"
    )


@pytest.mark.parametrize(
    ("why", "options"),
    [
        ("the audit queue is full: 3 records wait for the disk", WriterOptions(most_records=3, gather=0.3)),
        ("the audit queue is full: 261 bytes wait for the disk", WriterOptions(most_bytes=320, gather=0.3)),
    ],
)
def test_a_full_backlog_refuses_and_tells_later_how_many(
    why: str, options: WriterOptions, directory: Path, opened: Opened
) -> None:
    writer = opened(options)
    refusals: list[str] = []
    for number in range(5):
        try:
            writer.append(event(number))
        except AuditUnavailable as error:
            refusals.append(str(error))
    until(lambda: len(whole_log(directory)) == 4 and writer.waiting == 0)

    found = whole_log(directory)
    assert refusals == [why] * 2
    assert causes(found) == ["number 0", "number 1", "number 2"]
    assert (found[3]["event"], found[3]["reason"], found[3]["refused"]) == ("gap", "queue-full", 2)
    until(lambda: writer.waiting == 0)
    assert writer.append(event(5)) == 5
    assert (writer.figures.refused, writer.figures.unrecorded, writer.figures.gaps) == (2, 0, 1)


def test_the_log_tells_how_it_does(directory: Path) -> None:
    writer = AuditWriter(directory, clock=lambda: 1234.5)
    before = writer.figures
    writer.start()
    writer.append(event(1))
    until(lambda: writer.figures.synced_at > 0)
    under_way = writer.figures
    writer.close()

    assert before == Figures(healthy=False)
    assert under_way == Figures(healthy=True, synced_at=1234.5)
    assert writer.figures == Figures(healthy=False, synced_at=1234.5)


def test_a_closed_log_accepts_nothing(opened: Opened) -> None:
    writer = opened()
    writer.close()

    with pytest.raises(AuditUnavailable, match="the audit log is closed"):
        writer.append(event())
    assert writer.healthy is False


def test_a_log_that_was_not_opened_accepts_nothing(directory: Path) -> None:
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        AuditWriter(directory).append(event())


def test_a_log_whose_newest_compressed_segment_was_cut_says_so_or_does_not_start(
    directory: Path, opened: Opened
) -> None:
    first = opened()
    first.append_durable(event(0)).result()
    first.close()
    packed = compress(next(directory.glob("*.jsonl")), lambda: True)
    whole = packed.read_bytes()
    packed.write_bytes(whole[:-6])

    with pytest.raises(AuditUnavailable, match=f"`{packed}` is damaged behind record 0"):
        AuditWriter(directory, QUICK).start()
    packed.write_bytes(whole)
    again = opened()
    again.append_durable(event(1)).result()
    again.close()
    packed.write_bytes(whole[:-6])
    opened().close()

    found = list(records(directory))
    assert [(each["seq"], each["event"]) for each in found] == [(2, "note"), (3, "gap")]
    assert found[-1]["reason"] == "segment-damaged"
