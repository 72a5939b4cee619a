from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from addons.caching.attempts import Attempt
from addons.caching.flights import Landing
from addons.caching.planning import ALONE, PATIENCE, Planner
from gateway.cache.cache import Cache, Step
from gateway.cache.store import MemoryStore
from tests.unit.cache.exchanges import NOW, asked, cached


@dataclass
class Hands:
    """Clocks that are moved by hand."""

    now: float = NOW
    timer: float = 0.0
    cache: Cache = field(default_factory=lambda: Cache(MemoryStore(100_000, 100_000)))

    def planner(self) -> Planner:
        return Planner(lambda: self.now, lambda: self.timer)

    def attempt(self, *fields: str) -> Attempt:
        return Attempt(self.cache, asked(*fields), self.now)

    def keep(self, says: str = "max-age=60", *more: str) -> None:
        self.cache.keep(asked(), cached(says, *more), b"body")


def test_the_first_goes_and_all_others_are_given_what_it_brought() -> None:
    async def scene() -> list[tuple[Step, bool]]:
        hands = Hands()
        planner, first = hands.planner(), hands.attempt()
        plan = await planner.plan(first, "first")
        others = [asyncio.create_task(planner.plan(hands.attempt(), f"{each}")) for each in range(3)]
        await asyncio.sleep(0)
        hands.keep()
        planner.land(first, Landing.KEPT)
        return [(each.step, each.status.collapsed) for each in (plan, *await asyncio.gather(*others))]

    assert asyncio.run(scene()) == [(Step.FORWARD, False), *[(Step.GIVE, True)] * 3]


def test_when_it_will_not_be_kept_all_go_at_once_and_nobody_waits_again_for_a_while() -> None:
    async def scene() -> None:
        hands = Hands()
        planner, first, late = hands.planner(), hands.attempt(), hands.attempt()
        await planner.plan(first, "first")
        other = asyncio.create_task(planner.plan(late, "other"))
        await asyncio.sleep(0)
        planner.land(first, Landing.NOT_KEPT)
        assert ((await other).step, late.flight) == (Step.FORWARD, None)

        again = hands.attempt()
        assert ((await planner.plan(again, "again")).step, again.flight) == (Step.FORWARD, None)
        hands.timer += ALONE + 1
        assert (await planner.plan(again, "again")).step is Step.FORWARD
        assert again.flight is not None

    asyncio.run(scene())


def test_when_the_one_that_went_is_lost_another_goes_in_its_place() -> None:
    async def scene() -> tuple[int, int]:
        hands = Hands()
        planner, first = hands.planner(), hands.attempt()
        await planner.plan(first, "first")
        waiting = [hands.attempt() for _ in range(3)]
        tasks = [asyncio.create_task(planner.plan(each, "other")) for each in waiting]
        await asyncio.sleep(0)
        planner.flights.lost("first")
        await asyncio.sleep(0.01)
        went = [each for each in waiting if each.flight is not None]
        still = sum(not each.done() for each in tasks)
        hands.keep()
        planner.land(went[0], Landing.KEPT)
        await asyncio.gather(*tasks)
        return len(went), still

    assert asyncio.run(scene()) == (1, 2)


def test_whoever_has_no_time_left_goes_by_himself() -> None:
    async def scene() -> tuple[Step, object]:
        hands = Hands()
        planner, first, late = hands.planner(), hands.attempt(), hands.attempt()
        await planner.plan(first, "first")
        hands.timer = PATIENCE
        plan = await planner.plan(late, "late")
        return plan.step, late.flight is not first.flight

    assert asyncio.run(scene()) == (Step.FORWARD, True)


def test_of_a_stale_answer_that_may_be_given_meanwhile_the_first_has_the_duty_to_ask_and_all_get_it() -> None:
    async def scene() -> list[tuple[Step, bool]]:
        hands = Hands()
        hands.keep("max-age=60, stale-while-revalidate=60", 'ETag: "a"')
        hands.now += 90
        planner, first, second = hands.planner(), hands.attempt(), hands.attempt()
        one, other = await planner.plan(first, "first"), await planner.plan(second, "second")
        assert str(one.status) == "gateway; hit; ttl=-30"
        return [(one.step, first.flight is not None), (other.step, second.flight is not None)]

    assert asyncio.run(scene()) == [(Step.GIVE_AND_ASK, True), (Step.GIVE_AND_ASK, False)]


def test_a_client_that_wants_it_anew_asks_for_himself_alone() -> None:
    async def scene() -> tuple[object, object, object]:
        hands = Hands()
        hands.keep("max-age=60", 'ETag: "a"')
        planner, reload, elsewhere = hands.planner(), hands.attempt("Cache-Control: no-cache"), hands.attempt()
        forced = await planner.plan(reload, "reload")
        hands.cache.store.purge(lambda _key: True)
        conditional = hands.attempt('If-None-Match: "mine"')
        await planner.plan(conditional, "conditional")
        await planner.plan(elsewhere, "elsewhere")
        return forced.step, (reload.flight, conditional.flight), elsewhere.flight is not None

    assert asyncio.run(scene()) == (Step.VALIDATE, (None, None), True)
