"""A gateway with another secret than those that count in a store already does not count there, and is told why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.limits.cluster import agreement
from gateway.policy.dues import Away
from tests.stores import store_server
from tests.unit.limits.cluster.stages import gateway_at, until
from tests.unit.limits.cluster.test_store import SLOW, charge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stores import StoreServer

OTHER = b"o" * 32
WHY = "other gateways count in it with another `secret`, all of them need the same"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    with store_server(tmp_path) as made:
        yield made


def test_who_has_another_secret_is_told_at_the_start_and_counts_nothing(server: StoreServer) -> None:
    told: list[tuple[bool, str]] = []

    async def start() -> None:
        async with gateway_at(server) as first, gateway_at(server, told, secret=OTHER) as other:
            assert (other.away, other.summary()["state"], other.summary()["why"]) == (True, "away", WHY)
            with pytest.raises(Away):
                await charge(other, SLOW)
            assert (await charge(first, SLOW)).refused is None

    asyncio.run(start())

    assert told == [(False, WHY)]


def test_who_has_another_secret_does_not_count_alone_either_until_it_is_the_same(server: StoreServer) -> None:
    async def start() -> None:
        async with gateway_at(server), gateway_at(server, on_failure="local", secret=OTHER) as other:
            assert (other.away, other.counts_alone, other.ledger("shop").counts_alone) == (True, False, False)
            server.tell("DEL", "{wg}:secret")
            await until(lambda: not other.away)
            assert other.counts_alone

    asyncio.run(start())


def test_once_nobody_uses_the_old_secret_another_one_counts(server: StoreServer) -> None:
    told: list[tuple[bool, str]] = []

    async def start() -> None:
        async with gateway_at(server):
            pass
        async with gateway_at(server, told, secret=OTHER) as other:
            assert other.away
            server.tell("DEL", "{wg}:secret")
            await until(lambda: not other.away)
            assert (await charge(other, SLOW)).refused is None

    asyncio.run(start())

    assert told == [(False, WHY), (True, "")]


def test_what_lies_in_the_store_ends_by_itself_and_holds_no_secret(server: StoreServer) -> None:
    async def start() -> None:
        async with gateway_at(server):
            pass

    asyncio.run(start())

    assert 0 < int(server.tell("PTTL", "{wg}:secret").split()[-1]) <= agreement.LIFE * 1000
    assert len(server.tell("--raw", "GET", "{wg}:secret").strip()) == 32
    assert "ssss" not in server.tell("--raw", "GET", "{wg}:secret")
