from __future__ import annotations

import asyncio

import pytest

from gateway.audit.writing.backlog import Backlog
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.intake import Intake, must_be_recorded


def decision(verdict: str) -> dict[str, object]:
    return {"event": "decision", "decision": {"verdict": verdict}}


@pytest.mark.parametrize(
    ("must", "record"),
    [
        (False, decision("allow")),
        (True, decision("deny")),
        (False, {"event": "end", "decision": {"verdict": "deny"}}),
        (True, {"event": "connection"}),
        (True, {"event": "policy"}),
    ],
)
def test_allows_and_ends_may_be_left_out_and_nothing_else(record: dict[str, object], *, must: bool) -> None:
    assert must_be_recorded(record) is must


def test_a_door_without_a_log_is_shut() -> None:
    intake = Intake("sync", "open")

    assert (intake.trouble, intake.waiting) == ("the audit log is not open", 0)
    for accept in (intake.append, intake.append_durable):
        with pytest.raises(AuditUnavailable, match="the audit log is not open"):
            accept(decision("allow"))


def test_only_sync_waits() -> None:
    queue = Backlog(1, 10, 10_000)

    assert Intake("sync", "closed").waits
    for durability in ("batched", "relaxed"):
        intake = Intake(durability, "closed", queue)
        assert intake.waits is False
        assert asyncio.run(intake.record(decision("allow"))) == queue.next_seq - 1


def test_a_number_is_given_when_the_disk_has_it() -> None:
    queue = Backlog(5, 10, 10_000)
    done = Intake("sync", "closed", queue).append_durable(decision("deny"))

    assert not done.done()
    assert queue.take(0.0, 0.0).waiting == [(done, 5)]
