from __future__ import annotations

import asyncio

from addons.caching.flights import Flights, Landing

PLACE = (1, "http://shop.example/x", "")
LONG = 30.0


def test_all_who_wait_hear_how_it_ended() -> None:
    async def scene() -> tuple[list[Landing], int, int]:
        flights = Flights()
        flight = flights.start(PLACE, "leader", until=LONG)
        waiting = [asyncio.create_task(flight.landed(LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        count = flight.waiting
        flights.land(flight, Landing.KEPT)
        return await asyncio.gather(*waiting), count, flight.waiting

    assert asyncio.run(scene()) == ([Landing.KEPT] * 3, 3, 0)


def test_nobody_waits_longer_than_he_has_time() -> None:
    async def scene() -> tuple[Landing, Landing | None, int]:
        flight = Flights().start(PLACE, "leader", until=LONG)
        return await flight.landed(0.0), flight.landing, flight.waiting

    assert asyncio.run(scene()) == (Landing.TIMEOUT, None, 0)


def test_one_who_leaves_while_he_waits_ends_nothing_for_the_others() -> None:
    async def scene() -> tuple[bool, Landing]:
        flights = Flights()
        flight = flights.start(PLACE, "leader", until=LONG)
        leaves, stays = asyncio.create_task(flight.landed(LONG)), asyncio.create_task(flight.landed(LONG))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.wait([leaves])
        flights.land(flight, Landing.KEPT)
        return leaves.cancelled(), await stays

    assert asyncio.run(scene()) == (True, Landing.KEPT)


def test_a_flight_that_takes_too_long_is_no_reason_to_begin_to_wait() -> None:
    async def scene() -> None:
        flights = Flights()
        slow = flights.start(PLACE, "leader", until=3.0)

        assert flights.at(PLACE, 2.9) is slow
        assert flights.at(PLACE, 3.0) is None
        another = flights.start(PLACE, "another", until=6.0)
        flights.land(slow, Landing.LOST)
        assert flights.at(PLACE, 3.0) is another

    asyncio.run(scene())


def test_with_its_client_a_flight_is_lost_and_no_other_is() -> None:
    async def scene() -> tuple[Landing | None, Landing | None, int]:
        flights = Flights()
        gone, other = flights.start(PLACE, "gone", LONG), flights.start((1, "other", ""), "stays", LONG)
        flights.lost("gone")
        flights.land(gone, Landing.KEPT)
        return gone.landing, other.landing, len(flights)

    assert asyncio.run(scene()) == (Landing.LOST, None, 1)
