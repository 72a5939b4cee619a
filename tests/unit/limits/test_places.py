from __future__ import annotations

import os

import pytest

from gateway.limits.places import LIMITS, Directory, Plan, Workers, make, read
from tests.unit.limits.stages import PLAN, memory_of


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_a_table_is_read_as_it_was_made_and_has_a_secret_of_its_own() -> None:
    files = [make(PLAN), make(PLAN)]
    plans = [read(fd) for fd in files]

    assert [plan for plan, _ in plans] == [PLAN, PLAN]
    assert plans[0][1] != plans[1][1]
    assert os.get_inheritable(files[0]) is False
    for fd in files:
        os.close(fd)


@pytest.mark.parametrize("plan", [Plan(0, 8), Plan(257, 8), Plan(1, 0)])
def test_a_table_for_nobody_or_for_too_many_cannot_be_made(plan: Plan) -> None:
    with pytest.raises(ValueError, match="1 to 256 workers"):
        make(plan)


def test_a_file_that_is_no_table_is_refused() -> None:
    with memory_of() as memory:
        os.ftruncate(memory.fd, PLAN.size + 1)
        with pytest.raises(ValueError, match="another size"):
            read(memory.fd)
        os.pwrite(memory.fd, b"x", 0)
        with pytest.raises(ValueError, match="no table of limits"):
            read(memory.fd)


def test_a_directory_counts_the_cells_of_limits_and_gives_up_the_places_of_those_that_have_none() -> None:
    with memory_of() as memory, memory:
        limits, others = Directory(memory), Directory(memory)
        places = [limits.took(name(number)) for number in range(1, LIMITS + 1)]
        assert places == list(range(LIMITS))
        assert (limits.has_room(name(1), 5), limits.has_room(name(5000), 0)) == (True, False)
        assert limits.took(name(5000)) is None

        limits.gave_up(7)
        assert (others.has_room(name(5000), 0), others.has_room(name(5000), 1)) == (True, False)
        assert others.took(name(5000)) == 7
        assert (limits.used(name(8)), limits.used(name(5000)), limits.is_of(7, name(5000))) == (0, 1, True)


def test_a_worker_that_left_is_not_dead() -> None:
    with memory_of() as memory, memory:
        workers = Workers(memory, PLAN)
        workers.claim(2)
        workers.enter(2)
        assert workers.dead() == []
        workers.leave(2)
        assert workers.dead() == []
