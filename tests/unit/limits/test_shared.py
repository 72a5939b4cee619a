"""The table between real processes, which race, hold and are killed; what it says is in policy/test_limits.py."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from time import sleep
from typing import TYPE_CHECKING

import pytest

from gateway.limits.cells import HEAD, Cells
from gateway.limits.places import LIMITS, read
from gateway.limits.places import RATE as RATE_SIZE
from gateway.limits.queue import Queue
from gateway.limits.shared import SharedTable, Tally
from gateway.policy.limits import LimitSpec, Rate
from gateway.policy.model import Reason
from tests.unit.limits.hammering import CLIENT, LISTENER, NOW, RATE, ROOMY, RUNNING, WIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits.memory import Memory
    from gateway.policy.limits import LimitOutcome

WORKERS = 4
KILLS = 100
JOURNAL = 65_536


@contextmanager
def made(workers: int = WORKERS, cells: int = 2000) -> Iterator[SharedTable]:
    table = SharedTable.create(workers, cells)
    try:
        yield table
    finally:
        table.close()


@contextmanager
def worker(table: SharedTable, number: int, what: str, times: int = 0) -> Iterator[subprocess.Popen[str]]:
    run = [sys.executable, "-m", "tests.unit.limits.hammering", str(table.fd), str(number), what, str(times)]
    with subprocess.Popen(
        run, pass_fds=[table.fd], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def charged(table: SharedTable, spec: LimitSpec, now: float = NOW) -> LimitOutcome:
    return table.limits(LISTENER, [spec]).charge([spec], [CLIENT], now)


def test_workers_that_race_for_one_client_admit_exactly_the_limit_while_time_stands() -> None:
    with made() as table, ExitStack() as racing:
        processes = [racing.enter_context(worker(table, number, "rate", 400)) for number in range(WORKERS)]

        assert sum(map(said, processes)) == 500
        assert charged(table, RATE).reason is Reason.RATE_EXCEEDED


def test_workers_that_race_for_places_never_hold_more_than_there_are_and_give_all_back() -> None:
    with made() as table, ExitStack() as racing:
        processes = [racing.enter_context(worker(table, number, "running", 2000)) for number in range(WORKERS)]

        assert [said(process) for process in processes] == [0] * WORKERS
        assert table.tally().running == 0


def test_places_of_another_worker_are_held_while_it_lives_and_free_once_it_is_killed() -> None:
    with made() as table, worker(table, 0, "hold", 9) as holding:
        assert said(holding) == 7
        mine = SharedTable.attach(table.fd, 1)
        refused = charged(mine, RUNNING)
        holding.kill()
        holding.wait()
        free = charged(mine, RUNNING)

        assert (refused.refused, refused.reason) == ("running", Reason.CONCURRENCY_EXCEEDED)
        assert (free.refused, free.states[0].remaining) == (None, 6)
        mine.memory.close()


def test_a_worker_that_comes_in_the_place_of_a_dead_one_begins_with_nothing_held() -> None:
    with made() as table:
        with worker(table, 0, "hold", 3) as holding:
            assert said(holding) == 3
        with worker(table, 0, "hold", 9) as holding:
            assert said(holding) == 7


def test_what_a_dead_worker_holds_can_be_given_back_by_who_started_it() -> None:
    with made() as table:
        with worker(table, 0, "hold", 3) as holding:
            assert said(holding) == 3
        assert table.tally() == Tally(rates=0, running=1)
        table.bury(0)

        assert table.tally() == Tally(rates=0, running=0)


def test_one_worker_is_one_process() -> None:
    with made() as table, worker(table, 0, "hold", 1) as holding:
        assert said(holding) == 1
        with pytest.raises(ValueError, match="worker 0 of the shared limits is another process"):
            SharedTable.attach(table.fd, 0)
        with pytest.raises(ValueError, match="no worker 4"):
            SharedTable.attach(table.fd, WORKERS)


def test_workers_killed_in_the_middle_of_anything_leave_a_table_that_is_right() -> None:
    torn = 0
    with made(cells=700) as table:
        for turn in range(KILLS):
            with worker(table, turn % WORKERS, "churn") as busy:
                assert busy.stdout is not None
                assert busy.stdout.readline() == "at work\n"
                table.tally()
                sleep(turn % 20 / 5000)  # nothing is waited for: it is killed at another moment every time
                busy.kill()
                busy.wait()
            torn += table.memory.view[JOURNAL]
            _check(table)
        for number in range(WORKERS):
            table.bury(number)

        assert table.tally().running == 0
        assert _forgets_all(table)
    assert torn > 0  # some were killed in the middle of a change, which was then undone


class _Undone(Exception):  # noqa: N818 - it only undoes what was looked at by changing it
    pass


def _check(table: SharedTable) -> None:
    """All that the parts of the table say of one another."""
    memory, (plan, _) = table.memory, read(table.fd)
    rates = Cells(memory, plan.rates, plan.cells, RATE_SIZE)
    running = Cells(memory, plan.running, plan.cells, 4 * plan.workers)
    queued = _queued(Queue(memory, plan.queue), memory)
    with memory:
        assert sorted(number for _, number in queued) == sorted(map(rates.number, rates))
        assert queued == sorted(queued)
        for cells in (rates, running):
            assert cells.used == len(list(cells))
            assert all(cells.find(memory.view[cell + 8 : cell + HEAD]) == cell for cell in cells)
        held = Counter(cells.limit(cell) for cells in (rates, running) for cell in cells)
        told = {at: int.from_bytes(memory.view[4112 + 32 * at : 4116 + 32 * at], "little") for at in range(LIMITS)}
        assert held == {at: used for at, used in told.items() if used}


def _queued(queue: Queue, memory: Memory) -> list[tuple[int, int]]:
    """What is queued, in its order."""
    queued = []
    with suppress(_Undone), memory:
        while (first := queue.first()) is not None:
            queued.append(first)
            queue.pop()
        raise _Undone
    return queued


def _forgets_all(table: SharedTable) -> bool:
    mine = SharedTable.attach(table.fd, 0)
    late = NOW + 10**7
    for at in range(3000):
        charged(mine, WIDE, late + at)
    mine.memory.close()
    return table.tally().rates == 1


def test_a_table_that_is_full_of_other_limits_refuses_and_says_so() -> None:
    with made(cells=3) as table:
        mine = SharedTable.attach(table.fd, 0)
        limits = mine.limits(LISTENER, [RATE, ROOMY])
        rates = [limits.charge([RATE], [(number,)], NOW) for number in range(4)]
        leases = [limits.charge([ROOMY], [(number,)], NOW) for number in range(4)]

        assert [outcome.reason for outcome in rates] == [None, None, None, Reason.LIMIT_TABLE_FULL]
        assert rates[3].retry_after == pytest.approx(7.2)
        assert [outcome.reason for outcome in leases] == [None, None, None, Reason.LIMIT_TABLE_FULL]
        mine.memory.close()


def test_a_clock_of_the_machine_counts_in_the_place_of_the_time_that_is_brought() -> None:
    spec = LimitSpec(id="slow", key=("client.ip",), rate=Rate.of("1/s", 1))
    time = [5.0]
    with made() as table:
        mine = SharedTable.attach(table.fd, 0)
        limits = mine.limits(LISTENER, [spec], clock=lambda: time[0])
        refused = [limits.charge([spec], [CLIENT], now).refused for now in (0.0, 1e9)]
        time[0] = 6.0

        assert refused == [None, "slow"]
        assert limits.charge([spec], [CLIENT], 0.0).refused is None
        mine.memory.close()


def test_listeners_count_apart() -> None:
    with made() as table:
        mine = SharedTable.attach(table.fd, 0)
        spec = LimitSpec(id="slow", key=("client.ip",), rate=Rate.of("1/s", 1))
        outcomes = [mine.limits(name, [spec]).charge([spec], [CLIENT], NOW).refused for name in ("a", "b", "a")]

        assert outcomes == [None, None, "slow"]
        mine.memory.close()


def test_the_fullest_of_the_clients_that_a_worker_has_seen_are_told() -> None:
    with made() as table:
        mine, other = SharedTable.attach(table.fd, 0), SharedTable.attach(table.fd, 1)
        limits = mine.limits(LISTENER, [RATE, ROOMY])
        for number in (1, 2, 2, 3, 3, 3):
            limits.charge([RATE, ROOMY], [(number,), (number,)], NOW)
        other.limits(LISTENER, [RATE]).charge([RATE], [(1,)], NOW)
        told = {spec.id: limits.fullest(spec.id, NOW, 2) for spec in (RATE, ROOMY)}

        assert [(each.key, each.remaining) for each in told["rate"]] == [((3,), 497), ((1,), 498)]
        assert [(each.key, each.quota - each.remaining) for each in told["roomy"]] == [((3,), 3), ((2,), 2)]
        assert [each.key for each in other.limits(LISTENER, [RATE]).fullest("rate", NOW, 2)] == [(1,)]
        assert (limits.held("rate"), limits.held("roomy")) == (3, 3)
        for each in (mine, other):
            each.memory.close()
