"""Room in the memory. What is admitted and when is said by tests/unit/policy/test_limits.py and the laws."""

from __future__ import annotations

import pytest

from gateway.limits.places import Directory
from gateway.limits.rates import LINGER, TURNS, Counted, Rates
from gateway.policy.rates import NANOSECONDS, Rate, Standing
from tests.unit.limits.stages import PLAN, memory_of

SLOW = Counted(b"s" * 16, Rate.of("1/s", 3), capacity=8)
TIGHT = Counted(b"t" * 16, Rate.of("1/min", 1), capacity=2)


def key(number: int) -> bytes:
    return bytes([number]) * 16


def hit(rates: Rates, counted: Counted, name: bytes, now: int) -> float:
    cell = rates.find(name)
    full = 0.0 if cell else rates.room(counted, now, 0)
    if not full:
        rates.count(counted, name, cell, max(rates.tat(cell), now * counted.rate.amount) + counted.interval)
    return full


def test_where_a_key_stands_is_told_as_by_the_limiter_of_one_process() -> None:
    assert [SLOW.early(seconds * NANOSECONDS) for seconds in (1, 2, 3)] == [0, 0, NANOSECONDS]
    assert SLOW.standing(3 * NANOSECONDS // 2) == Standing(1, 1.5)


def test_a_limit_that_is_full_says_when_its_first_key_may_be_forgotten() -> None:
    with memory_of() as memory, memory:
        rates = Rates(memory, PLAN, Directory(memory))
        said = [hit(rates, TIGHT, key(number), number * NANOSECONDS) for number in (1, 2, 3)]

        assert said == [0.0, 0.0, 58.0]
        assert hit(rates, TIGHT, key(3), 61 * NANOSECONDS) == 0.0
        assert (rates.find(key(1)), rates.keys) == (0, 2)


def test_memory_that_is_full_of_other_limits_says_how_long_a_request_of_this_one_takes() -> None:
    with memory_of() as memory, memory:
        rates = Rates(memory, PLAN, Directory(memory))
        for number in range(1, 9):
            hit(rates, SLOW, key(number), 0)

        assert hit(rates, TIGHT, key(9), 0) == pytest.approx(60)
        assert hit(rates, TIGHT, key(9), NANOSECONDS) == 0.0


def test_sweeping_forgets_idle_keys_now_and_then_and_passes_over_busy_ones() -> None:
    with memory_of() as memory, memory:
        rates = Rates(memory, PLAN, Directory(memory))
        for number in (1, 2, 3, 1):
            hit(rates, SLOW, key(number), 0)
        for _ in range(TURNS):
            rates.sweep(NANOSECONDS + LINGER)
        assert [bool(rates.find(key(number))) for number in (1, 2, 3)] == [True, False, False]
        for _ in range(TURNS - 1):
            rates.sweep(2 * NANOSECONDS + LINGER - 1)
        assert rates.keys == 1, "a client that comes again soon finds its key"
        rates.sweep(2 * NANOSECONDS + LINGER - 1)
        assert rates.keys == 1, "it lingers"
        for _ in range(TURNS):
            rates.sweep(2 * NANOSECONDS + LINGER)
        assert (rates.keys, rates.forgotten) == (0, 3)


def test_what_is_taken_back_was_never_counted() -> None:
    with memory_of() as memory, memory:
        rates = Rates(memory, PLAN, Directory(memory))
        for _ in range(2):
            hit(rates, SLOW, key(1), 5 * NANOSECONDS)
        rates.uncount(SLOW, key(1))
        rates.uncount(SLOW, key(2))

        assert rates.tat(rates.find(key(1))) == 6 * NANOSECONDS


def test_counting_without_having_asked_for_room_is_an_error() -> None:
    with memory_of() as memory, memory:
        rates = Rates(memory, PLAN, Directory(memory))
        for number in range(1, 9):
            hit(rates, SLOW, key(number), 0)
        with pytest.raises(MemoryError, match="no room"):
            rates.count(SLOW, key(9), 0, 1)
