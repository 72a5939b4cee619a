from __future__ import annotations

from contextlib import suppress

import pytest

from gateway.limits.places import Directory, Plan, Workers
from gateway.limits.running import KEPT, LOOKS, Bounded, Running
from gateway.policy.model import Reason
from tests.unit.limits.stages import PLAN, memory_of

TWO = Bounded(b"2" * 16, most=2, capacity=2)


def key(number: int) -> bytes:
    return bytes([number]) * 16


def refusal(running: Running, bounded: Bounded, number: int) -> Reason | None:
    return running.refusal(bounded, running.find(key(number)), 0)


def take(running: Running, bounded: Bounded, number: int) -> int:
    cell = running.place(bounded, key(number), running.find(key(number)))
    running.take(cell)
    return cell


def test_workers_count_together_and_each_gives_back_its_own() -> None:
    with memory_of() as memory, memory:
        parts = (memory, PLAN, Directory(memory), Workers(memory, PLAN))
        one, other = Running(*parts, worker=0), Running(*parts, worker=2)
        cell = take(one, TWO, 1)
        assert take(other, TWO, 1) == cell

        assert refusal(one, TWO, 1) is Reason.CONCURRENCY_EXCEEDED
        other.give_back(cell)
        other.give_back(cell)  # more than it had
        assert (one.held(cell), refusal(one, TWO, 1), one.keys_of(TWO.name)) == (1, None, 1)
        one.give_back(cell)
        assert (one.keys, one.keys_of(TWO.name)) == (0, 0)


def test_what_ends_is_given_back_while_another_worker_has_the_lock() -> None:
    with memory_of() as memory:
        running = Running(memory, PLAN, Directory(memory), Workers(memory, PLAN), worker=0)
        with memory:
            cell = take(running, TWO, 1)
        with suppress(LookupError), memory:
            running.give_back(cell)
            raise LookupError  # what is undone is what was changed under the lock

        assert running.keys == 0


def test_a_key_without_room_is_refused_and_others_are_not() -> None:
    with memory_of() as memory, memory:
        running = Running(memory, PLAN, Directory(memory), Workers(memory, PLAN), worker=0)
        cells = [take(running, TWO, number) for number in (1, 2)]
        full = [refusal(running, TWO, number) for number in (1, 3)]
        running.give_back(cells[1])

        assert full == [None, Reason.LIMIT_TABLE_FULL]
        assert (refusal(running, TWO, 3), running.forgotten) == (None, 1)
        assert [bool(running.find(key(number))) for number in (1, 2)] == [True, False]


def test_a_key_that_holds_nothing_is_kept_until_there_are_many() -> None:
    plan = Plan(workers=1, cells=2 * KEPT)
    many = Bounded(b"m" * 16, most=1, capacity=2 * KEPT)
    with memory_of(plan) as memory, memory:
        running = Running(memory, plan, Directory(memory), Workers(memory, plan), worker=0)
        for number in range(KEPT + 1):
            name = number.to_bytes(16, "big", signed=True)[::-1]
            cell = running.place(many, b"\1" + name[1:] if not number else name, 0)
            running.take(cell)
            running.give_back(cell)
            memory.commit()
        assert running.forgotten == 0
        running.sweep()
        running.sweep()  # once for every new cell

        assert running.forgotten == LOOKS


def test_what_a_buried_worker_held_is_free_and_nothing_else() -> None:
    with memory_of() as memory, memory:
        parts = (memory, PLAN, Directory(memory), Workers(memory, PLAN))
        one, other = Running(*parts, worker=0), Running(*parts, worker=1)
        cells = [take(one, TWO, number) for number in (1, 2)]
        take(other, TWO, 1)
        other.bury(0)

        assert ([other.held(cell) for cell in cells], other.keys) == ([1, 0], 1)


def test_a_place_without_having_asked_for_room_is_an_error() -> None:
    many = Bounded(b"m" * 16, most=1, capacity=100)
    with memory_of() as memory, memory:
        running = Running(memory, PLAN, Directory(memory), Workers(memory, PLAN), worker=0)
        for number in range(8):
            take(running, many, number + 1)
        with pytest.raises(MemoryError, match="no room"):
            take(running, many, 9)
