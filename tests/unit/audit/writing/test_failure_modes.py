"""What `on_failure` promises, on a disk that fails until it is told not to."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.backlog import UNRECORDED, Backlog
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import open_segment
from tests.unit.audit.logs import QUICK, until, whole_log

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.audit.writing.backlog import OnFailure
    from gateway.audit.writing.writer import AuditWriter
    from tests.unit.audit.logs import Opened


def decision(verdict: str) -> Record:
    return {"time": "", "event": "decision", "decision": {"verdict": verdict}}


END: Record = {"time": "", "event": "end"}
STOP: Record = {"time": "", "event": "stop"}
LIST: Record = {"time": "", "event": "list"}


class Disk:
    """A disk that is full until `mended`."""

    def __init__(self) -> None:
        self.broken = True

    def open(self, path: Path) -> int:
        return os.open("/dev/full", os.O_WRONLY) if self.broken else open_segment(path)


def failed(opened: Opened, on_failure: OnFailure, disk: Disk) -> AuditWriter:
    """A writer whose disk has failed already."""
    writer = opened(replace(QUICK, on_failure=on_failure), disk.open)
    writer.append(decision("allow"))
    until(lambda: not writer.healthy)
    return writer


def test_closed_takes_nothing(opened: Opened) -> None:
    disk = Disk()
    writer = failed(opened, "closed", disk)

    for record in (decision("allow"), decision("deny"), END, LIST):
        with pytest.raises(AuditUnavailable, match="no space left on device"):
            writer.append(record)
    disk.broken = False


@pytest.mark.parametrize(
    ("on_failure", "events", "left_out"),
    [
        ("deny_only", ["decision", "decision", "list", "gap"], {"allow": 1, "end": 1}),
        ("open", ["decision", "gap"], {"allow": 1, "deny": 1, "end": 1, "other": 1}),
    ],
)
def test_what_may_pass_passes_and_is_counted_by_its_kind(
    on_failure: OnFailure, events: list[str], left_out: dict[str, int], directory: Path, opened: Opened
) -> None:
    disk = Disk()
    writer = failed(opened, on_failure, disk)

    numbers = [writer.append(each) for each in (decision("allow"), decision("deny"), END, LIST)]
    disk.broken = False
    until(lambda: writer.healthy)
    writer.close()

    found = whole_log(directory)
    gap = next(each for each in found if each["event"] == "gap")
    assert sorted(str(each["event"]) for each in found) == sorted(events)
    assert (gap["reason"], gap["refused"], gap["unrecorded"]) == ("write-failed", 0, sum(left_out.values()))
    assert gap["left_out"] == left_out
    assert gap["since"] is not None
    assert numbers.count(UNRECORDED) == sum(left_out.values())


def test_a_stop_finds_room_whatever_the_mode(directory: Path, opened: Opened) -> None:
    disk = Disk()
    writer = failed(opened, "closed", disk)

    writer.append(STOP)
    disk.broken = False
    writer.close()

    assert "stop" in [each["event"] for each in whole_log(directory)]


@pytest.mark.parametrize("on_failure", ["deny_only", "open"])
def test_whoever_waits_for_the_disk_is_let_go_when_it_fails(on_failure: OnFailure, opened: Opened) -> None:
    disk = Disk()
    options = replace(QUICK, on_failure=on_failure, durability="sync")
    writer = opened(options, disk.open)

    async def both() -> list[int]:
        return [await writer.record(decision("allow")), await writer.record(decision("allow"))]

    assert asyncio.run(asyncio.wait_for(both(), 5)) == [UNRECORDED, UNRECORDED]
    disk.broken = False


def test_under_closed_whoever_waits_is_refused(opened: Opened) -> None:
    disk = Disk()
    writer = opened(replace(QUICK, durability="sync"), disk.open)

    with pytest.raises(AuditUnavailable, match="no space left on device"):
        asyncio.run(asyncio.wait_for(writer.record(decision("allow")), 5))
    disk.broken = False


def test_under_deny_only_allows_leave_the_last_quarter_of_the_queue_to_denies() -> None:
    queue = Backlog(1, 8, 10_000, "deny_only")

    allows = [queue.put(b"}", must=False) for _ in range(8)]
    denies = [queue.put(b"}") for _ in range(2)]

    assert (allows, denies) == ([1, 2, 3, 4, 5, 6, UNRECORDED, UNRECORDED], [7, 8])
    with pytest.raises(AuditUnavailable, match="the audit queue is full: 8 records wait for the disk"):
        queue.put(b"}")


def test_what_is_closed_takes_nothing_in_any_mode() -> None:
    for mode in ("closed", "deny_only", "open"):
        queue = Backlog(1, 8, 10_000, mode)
        queue.close("the audit log is closed")
        for must in (False, True):
            with pytest.raises(AuditUnavailable, match="the audit log is closed"):
                queue.put(b"}", must=must)


def test_what_was_left_out_is_told_to_the_operator_if_the_log_never_works_again(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    writer = failed(opened, "open", disk)
    for verdict in ("deny", "deny", "allow"):
        assert writer.append(decision(verdict)) == UNRECORDED
    with pytest.raises(AuditUnavailable, match="accepted records could not be written"):
        writer.close()

    assert (
        "audit: 3 records are not in the log: 2 of kind `deny`, 1 of kind `allow`, and the log ended before that could "
        "be written into it"
    ) in caplog.messages
