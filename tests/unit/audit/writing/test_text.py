from __future__ import annotations

import pytest

from gateway.audit.writing.backlog import Backlog
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.intake import Intake
from gateway.audit.writing.text import Text


def test_a_text_is_accepted_as_it_is() -> None:
    queue = Backlog(1, 10, 10_000)
    intake = Intake("batched", "closed", queue)

    assert intake.append(Text(b'"event":"end"}', must=False)) == 1
    done = intake.append_durable(Text(b'"event":"decision"}', must=True))

    taken = queue.take(0.0, 0.0)
    assert taken.lines == [b'{"v":1,"seq":1,"event":"end"}\n', b'{"v":1,"seq":2,"event":"decision"}\n']
    assert taken.waiting == [(done, 2)]


def test_a_text_says_itself_whether_it_may_be_left_out() -> None:
    queue = Backlog(1, 10, 10_000, "deny_only")
    intake = Intake("batched", "deny_only", queue)
    queue.refuse_all("the disk is full")

    assert (intake.append(Text(b"}", must=False)), intake.append(Text(b"}", must=True))) == (0, 1)


def test_a_text_meets_the_same_shut_door() -> None:
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        Intake("batched", "closed").append(Text(b"}", must=True))
