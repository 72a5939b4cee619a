from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.upstreams.pools.pool import NoPlace, Outcome, PlaceAt, Pool
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from gateway.upstreams.pools.waiting import Line
from tests.unit.upstreams.pools.servers import Clock, servers

if TYPE_CHECKING:
    from collections.abc import Coroutine


def pool(*, size: int = 2, timeout: float = 30.0) -> Pool:
    """One server that takes one request at a time."""
    return Pool.of(servers("a.test"), PoolRules(connections=1, queue=QueueRules(size, timeout)), Clock(), lambda: 0.0)


def taken(found: PlaceAt | NoPlace) -> PlaceAt:
    assert isinstance(found, PlaceAt)
    return found


async def begun(waiting: Coroutine[None, None, PlaceAt | NoPlace]) -> asyncio.Task[PlaceAt | NoPlace]:
    """The task of somebody who stands in line already."""
    task = asyncio.create_task(waiting)
    await asyncio.sleep(0)
    return task


def test_who_came_first_is_served_first() -> None:
    async def main() -> list[str]:
        line = Line(pool())
        served: list[str] = []
        place = taken(await line.take())

        async def wait(name: str) -> PlaceAt | NoPlace:
            found = taken(await line.take())
            served.append(name)
            found.end(Outcome.SERVED)
            return found

        tasks = [await begun(wait("first")), await begun(wait("second"))]
        assert len(line) == 2
        place.end(Outcome.SERVED)
        await asyncio.gather(*tasks)
        return served

    assert asyncio.run(main()) == ["first", "second"]


def test_who_comes_later_does_not_overtake() -> None:
    async def main() -> None:
        here = pool()
        line = Line(here)
        place = taken(await line.take())
        first = await begun(line.take())
        place.end(Outcome.SERVED)
        second = await begun(line.take())

        taken(await first)
        assert not second.done()
        second.cancel()

    asyncio.run(main())


def test_a_full_line_takes_nobody_more() -> None:
    async def main() -> NoPlace | PlaceAt:
        line = Line(pool(size=1))
        taken(await line.take())
        waiting = await begun(line.take())
        found = await line.take()
        waiting.cancel()
        return found

    assert asyncio.run(main()) is NoPlace.FULL


@pytest.mark.parametrize(("size", "timeout"), [(0, 30.0), (1, 0.01)])
def test_nobody_waits_for_ever(size: int, timeout: float) -> None:
    async def main() -> tuple[NoPlace | PlaceAt, int]:
        line = Line(pool(size=size, timeout=timeout))
        taken(await line.take())
        return await line.take(), len(line)

    assert asyncio.run(main()) == (NoPlace.FULL, 0)


def test_who_leaves_the_line_is_not_waited_for() -> None:
    async def main() -> int:
        here = pool()
        line = Line(here)
        place = taken(await line.take())
        waiting = await begun(line.take())
        waiting.cancel()
        await asyncio.wait([waiting])
        place.end(Outcome.SERVED)
        return here.members[0].in_flight

    assert asyncio.run(main()) == 0


def test_who_leaves_in_the_moment_in_which_his_turn_comes_gives_the_place_on() -> None:
    async def main() -> int:
        here = pool()
        line = Line(here)
        place = taken(await line.take())
        leaving, staying = await begun(line.take()), await begun(line.take())
        place.end(Outcome.SERVED)
        leaving.cancel()
        taken(await staying)
        return here.members[0].in_flight

    assert asyncio.run(main()) == 1


def test_when_the_last_server_falls_nobody_waits_for_it() -> None:
    async def main() -> NoPlace | PlaceAt:
        here = pool()
        line = Line(here)
        taken(await line.take())
        waiting = await begun(line.take())
        here.checked(here.members[0], well=False)
        return await waiting

    assert asyncio.run(main()) is NoPlace.NOBODY
