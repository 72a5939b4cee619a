from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing import frames
from gateway.audit.writing.backlog import UNRECORDED
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.owner import AuditOwner
from gateway.audit.writing.worker import WorkerLog
from tests.unit.audit.logs import QUICK, causes, event, until, whole_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.audit.writing.backlog import OnFailure
    from gateway.audit.writing.writer import AuditWriter
    from tests.unit.audit.logs import Opened

GONE = "the process that writes the audit log is gone"
ALLOW: Record = {"time": "", "event": "decision", "decision": {"verdict": "allow"}}
DENY: Record = {"time": "", "event": "decision", "decision": {"verdict": "deny"}}


@contextmanager
def owner_of(writer: AuditWriter, path: Path) -> Iterator[AuditOwner]:
    owner = AuditOwner(writer, path)
    owner.start()
    try:
        yield owner
    finally:
        owner.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sock"


def started(path: Path, on_failure: OnFailure = "closed", durability: str = "batched") -> WorkerLog:
    options = replace(QUICK, on_failure=on_failure)
    log = WorkerLog(path, replace(options, durability="sync") if durability == "sync" else options)
    log.start()
    return log


def test_it_is_a_log_like_any_other(path: Path, directory: Path, opened: Opened) -> None:
    writer = opened()
    writer.append(event(0))
    with owner_of(writer, path):
        log = started(path, durability="sync")
        assert (log.healthy, log.waits) == (True, True)
        assert log.append(event(1)) == 1
        assert log.append_durable(event(2)).result(5) == 3
        assert asyncio.run(log.record(event(3))) == 4
        log.close()
        with pytest.raises(AuditUnavailable, match="the audit log is closed"):
            log.append(event(4))

    assert causes(whole_log(directory)) == [f"number {number}" for number in range(4)]


def test_closing_waits_until_everything_is_on_the_disk(path: Path, directory: Path, opened: Opened) -> None:
    writer = opened(replace(QUICK, sync_interval=60.0))
    with owner_of(writer, path):
        log = started(path)
        for number in range(500):
            log.append(event(number))
        log.close()
        assert (writer.waiting, log.waiting) == (0, 0)

    assert len(whole_log(directory)) == 500


def test_without_an_owner_nothing_starts(path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="audit: cannot reach the writer at"):
        WorkerLog(path, QUICK).start()
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        WorkerLog(path, QUICK).append(event(1))


@pytest.mark.parametrize("on_failure", ["closed", "deny_only", "open"])
def test_when_the_owner_is_gone_on_failure_says_what_happens(
    on_failure: OnFailure, path: Path, directory: Path, opened: Opened
) -> None:
    writer = opened()
    with owner_of(writer, path):
        log = started(path, on_failure)
        log.append_durable(event(1)).result(5)
    until(lambda: log.trouble == GONE)

    if on_failure == "closed":
        for record in (ALLOW, DENY):
            with pytest.raises(AuditUnavailable, match=GONE):
                log.append(record)
    else:
        assert log.append(ALLOW) == UNRECORDED
        assert (log.append(DENY) == UNRECORDED) is (on_failure == "open")
    with owner_of(writer, path):
        until(lambda: log.healthy)
        log.close()
    writer.close()

    found = whole_log(directory)
    (gap,) = (each for each in found if each["event"] == "gap")
    missed = {"closed": (2, 0), "deny_only": (0, 1), "open": (0, 2)}[on_failure]
    assert (gap["reason"], gap["refused"], gap["unrecorded"]) == ("write-failed", *missed)
    assert [each["event"] for each in found if each["event"] == "decision"] == ["decision"] * (
        on_failure == "deny_only"
    )


def test_what_an_owner_took_and_never_said_to_be_safe_is_told_as_missing(
    path: Path, directory: Path, opened: Opened
) -> None:
    with socket.create_server(str(path), family=socket.AF_UNIX) as listening:
        log = started(path, durability="sync")
        owner, _ = listening.accept()
        on_the_disk, taken = log.append_durable(event(0)), log.append_durable(event(1))
        with owner:
            parser, heard = frames.Parser(), 0
            while heard < 2:
                heard += sum(each.kind == frames.RECORD for each in parser.feed(owner.recv(65536)))
            owner.sendall(frames.taken(1, 1, 1) + frames.frame(frames.SAFE, 1) + frames.taken(2, 2, 1))
            assert on_the_disk.result(5) == 1
            until(lambda: log.waiting == 0)
    path.unlink()

    with pytest.raises(AuditUnavailable, match=GONE):
        taken.result(5)
    with owner_of(opened(), path):
        until(lambda: log.healthy)
        log.close()

    (gap,) = (each for each in whole_log(directory) if each["event"] == "gap")
    assert gap["detail"] == "1 records were on the way to the writer when it went and may be missing"


def test_a_full_queue_refuses_and_is_told(path: Path, directory: Path, opened: Opened) -> None:
    writer = opened()
    with owner_of(writer, path):
        log = WorkerLog(path, replace(QUICK, most_records=4, gather=2.0))
        log.start()
        for number in range(4):
            log.append(event(number))
        with pytest.raises(AuditUnavailable, match="the audit queue is full: 4 records wait for the disk"):
            log.append(event(4))
        until(lambda: any(each["event"] == "gap" for each in whole_log(directory)))
        log.close()
    writer.close()

    (gap,) = (each for each in whole_log(directory) if each["event"] == "gap")
    assert (gap["reason"], gap["refused"]) == ("queue-full", 1)
