from __future__ import annotations

import pytest

from gateway.limits.places import Directory, Workers
from gateway.limits.running import Bounded, Running
from gateway.policy.model import Reason
from tests.unit.limits.stages import PLAN, memory_of

TWO = Bounded(b"2" * 16, most=2, capacity=2)


def key(number: int) -> bytes:
    return bytes([number]) * 16


def test_workers_count_together_and_each_gives_back_its_own() -> None:
    with memory_of() as memory, memory:
        parts = (memory, PLAN, Directory(memory), Workers(memory, PLAN))
        one, other = Running(*parts, worker=0), Running(*parts, worker=2)
        one.take(TWO, key(1))
        other.take(TWO, key(1))

        assert one.refusal(TWO, key(1), 0) is Reason.CONCURRENCY_EXCEEDED
        other.give_back(key(1))
        other.give_back(key(1))  # more than it had
        other.give_back(key(9))
        assert (one.held(key(1)), one.refusal(TWO, key(1), 0)) == (1, None)
        one.give_back(key(1))
        assert one.keys == 0


def test_a_key_without_room_is_refused_and_others_are_not() -> None:
    with memory_of() as memory, memory:
        running = Running(memory, PLAN, Directory(memory), Workers(memory, PLAN), worker=0)
        for number in (1, 2):
            running.take(TWO, key(number))

        assert [running.refusal(TWO, key(number), 0) for number in (1, 3)] == [None, Reason.LIMIT_TABLE_FULL]


def test_what_a_buried_worker_held_is_free_and_nothing_else() -> None:
    with memory_of() as memory, memory:
        parts = (memory, PLAN, Directory(memory), Workers(memory, PLAN))
        one, other = Running(*parts, worker=0), Running(*parts, worker=1)
        for number in (1, 2):
            one.take(TWO, key(number))
        other.take(TWO, key(1))
        other.bury(0)

        assert (other.held(key(1)), other.held(key(2)), other.keys) == (1, 0, 1)


def test_taking_without_having_asked_for_room_is_an_error() -> None:
    many = Bounded(b"m" * 16, most=1, capacity=100)
    with memory_of() as memory, memory:
        running = Running(memory, PLAN, Directory(memory), Workers(memory, PLAN), worker=0)
        for number in range(8):
            running.take(many, key(number + 1))
        with pytest.raises(MemoryError, match="no room"):
            running.take(many, key(9))
