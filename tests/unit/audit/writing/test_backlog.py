from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from gateway.audit.writing.backlog import Backlog, Batch
from gateway.audit.writing.errors import AuditUnavailable


def backlog(most_records: int = 10, most_bytes: int = 10_000) -> Backlog:
    return Backlog(1, most_records, most_bytes)


def taken(of: Backlog) -> list[bytes]:
    return of.take(0.0, 0.0).lines


def test_lines_are_numbered_as_they_are_accepted_and_taken_once() -> None:
    queue = backlog()

    assert [queue.put(b'"a":1}'), queue.put(b'"b":2}')] == [1, 2]

    assert taken(queue) == [b'{"v":1,"seq":1,"a":1}\n', b'{"v":1,"seq":2,"b":2}\n']
    assert taken(queue) == []


def test_room_is_free_again_only_when_lines_are_settled() -> None:
    queue = backlog(most_records=2)
    queue.put(b"}")
    queue.put(b"}")
    lines = taken(queue)

    with pytest.raises(AuditUnavailable, match="the audit queue is full: 2 records wait for the disk"):
        queue.put(b"}")
    queue.settle(lines[:1])

    assert (queue.put(b"}"), queue.records) == (3, 2)


def test_a_refused_record_takes_no_number() -> None:
    queue = backlog(most_bytes=10)

    with pytest.raises(AuditUnavailable):
        queue.put(b"x" * 11)

    assert queue.put(b"}") == 1


def test_the_logs_own_records_have_no_bounds() -> None:
    queue = backlog(most_records=0)

    queue.put_own(b"}")

    assert taken(queue) == [b'{"v":1,"seq":1,}\n']


def test_refusals_are_told_once_and_when_there_is_room_again() -> None:
    queue = backlog(most_records=2)
    queue.put(b"}")
    queue.put(b"}")
    for kind in (b'"verdict":"deny"', b'"verdict":"deny"', b'"verdict":"allow"'):
        with pytest.raises(AuditUnavailable):
            queue.put(b'"event":"decision",%b}' % kind)

    assert queue.take_missed() is None
    queue.settle(taken(queue))
    missed = queue.take_missed()

    assert missed is not None
    assert (missed.refused, missed.unrecorded, missed.kinds) == (3, 0, {"deny": 2, "allow": 1})
    assert (queue.refused_in_all, queue.unrecorded_in_all) == (3, 0)
    assert abs(missed.since - time.time()) < 10
    assert queue.take_missed() is None


def test_in_trouble_nothing_is_accepted_until_it_is_over() -> None:
    queue = backlog()
    queue.refuse_all("the disk is full")

    with pytest.raises(AuditUnavailable, match="the disk is full"):
        queue.put(b"}")
    queue.accept_again()

    assert (queue.put(b"}"), queue.trouble) == (1, None)


def test_what_is_closed_stays_closed() -> None:
    queue = backlog()
    queue.close("closed")
    queue.accept_again()

    assert (queue.trouble, queue.closing) == ("closed", True)


def test_taking_waits_for_company_but_not_when_somebody_waits_for_the_disk() -> None:
    queue = backlog()
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(queue.take, 10.0, 10.0)
        queue.put(b'"a"}')
        done: Future[int] = Future()
        queue.put(b'"b"}', done)
        batch = taking.result(5)

    assert len(batch.lines) == 2
    assert batch.waiting == [(done, 2)]


def test_closing_wakes_whoever_takes_or_pauses() -> None:
    queue = backlog()
    with ThreadPoolExecutor(2) as pool:
        taking, pausing = pool.submit(queue.take, None, 10.0), pool.submit(queue.pause, 10.0)
        queue.close("closed")

        pausing.result(5)
        assert taking.result(5) == Batch()


def test_a_batch_is_as_old_as_its_oldest_line() -> None:
    batch = Batch()

    batch.extend(Batch([b"a"], since=5.0))
    batch.extend(Batch([b"b"], since=9.0))

    assert (batch.lines, batch.since) == ([b"a", b"b"], 5.0)
