from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.policy.dues import Away
from gateway.policy.limits import LimitSpec, Rate
from gateway.policy.model import Reason
from tests.stores import store_server
from tests.unit.limits.cluster.stages import gateway_at, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits.cluster.store import Store
    from gateway.policy.limits import LimitOutcome
    from tests.stores import StoreServer

HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "share-limits.md"
SLOW = LimitSpec(id="slow", key=("client.ip",), rate=Rate.of("1/h", 3))
THIRDS = LimitSpec(id="thirds", key=("client.ip",), rate=Rate.of("3/h", 1))
RUNNING = LimitSpec(id="running", key=("client.ip",), concurrent=2)
ALICE = ("10.0.0.1",)
BOB = ("10.0.0.2",)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    with store_server(tmp_path) as made:
        yield made


async def charge(store: Store, *specs: LimitSpec, key: tuple[str, ...] = ALICE) -> LimitOutcome:
    outcome, _ = await store.ledger("shop").charge([(spec, key) for spec in specs], [])
    return outcome


def test_gateways_count_a_rate_together(server: StoreServer) -> None:
    async def count() -> list[LimitOutcome]:
        async with gateway_at(server) as one, gateway_at(server) as other:
            return [await charge(store, SLOW) for store in (one, other, one, other)]

    outcomes = asyncio.run(count())

    assert [outcome.reason for outcome in outcomes] == [None, None, None, Reason.RATE_EXCEEDED]
    assert [outcome.states[0].remaining for outcome in outcomes] == [2, 1, 0, 0]
    assert outcomes[3].refused == "slow"
    assert outcomes[3].retry_after == pytest.approx(3600, abs=30)


def test_parts_of_a_microsecond_add_up_to_nothing_that_nobody_waited_for(server: StoreServer) -> None:
    async def count() -> list[LimitOutcome]:
        async with gateway_at(server) as store:
            return [await charge(store, THIRDS) for _ in range(2)]

    first, second = asyncio.run(count())

    assert (first.states[0].quota, first.states[0].window) == (3, 3600.0)
    assert second.retry_after == pytest.approx(1200, abs=30)


def test_gateways_that_race_admit_exactly_the_limit(server: StoreServer) -> None:
    many = LimitSpec(id="many", key=("client.ip",), rate=Rate.of("1/d", 50))

    async def race() -> int:
        async with gateway_at(server) as one, gateway_at(server) as two, gateway_at(server) as three:
            asked = [charge(store, many) for store in (one, two, three) for _ in range(25)]
            return sum(outcome.refused is None for outcome in await asyncio.gather(*asked))

    assert asyncio.run(race()) == 50


def test_what_runs_anywhere_counts_until_it_ends(server: StoreServer) -> None:
    async def run() -> tuple[LimitOutcome, LimitOutcome]:
        async with gateway_at(server) as one, gateway_at(server) as other:
            held = [await charge(store, RUNNING) for store in (one, other)]
            refused = await charge(one, RUNNING)
            assert held[1].lease is not None
            assert (one.summary()["held"], other.summary()["held"]) == (1, 1)
            held[1].lease.release()
            await until(lambda: _leases(server) == 1)
            return refused, await charge(one, RUNNING)

    refused, admitted = asyncio.run(run())

    assert (refused.refused, refused.reason, refused.states[0].remaining) == (
        "running",
        Reason.CONCURRENCY_EXCEEDED,
        0,
    )
    assert (admitted.refused, admitted.states[0].remaining) == (None, 0)


def _leases(server: StoreServer) -> int:
    return sum(int(server.tell("--raw", "ZCARD", name)) for name in _running(server))


def _running(server: StoreServer) -> list[str]:
    names = server.tell("--raw", "KEYS", "*").split()
    return [name for name in names if server.tell("--raw", "TYPE", name) == "zset\n"]


def test_a_request_that_one_limit_refuses_is_charged_to_none(server: StoreServer) -> None:
    async def count() -> list[str | None]:
        async with gateway_at(server) as store:
            outcomes = [await charge(store, SLOW, RUNNING) for _ in range(3)]
            assert outcomes[0].lease is not None
            outcomes[0].lease.release()
            await until(lambda: _leases(server) == 1)
            return [*(each.refused for each in outcomes), (await charge(store, SLOW, RUNNING)).refused]

    assert asyncio.run(count()) == [None, None, "running", None]


def test_limits_on_trial_tell_what_they_would_do_and_never_refuse(server: StoreServer) -> None:
    async def count() -> list[tuple[str | None, frozenset[str], bool]]:
        async with gateway_at(server) as store:
            ledger, said = store.ledger("shop"), []
            for _ in range(3):
                outcome, refusing = await ledger.charge([(SLOW, ALICE)], [(THIRDS, ALICE), (RUNNING, ALICE)])
                said.append((outcome.refused, refusing, outcome.lease is not None))
            return said

    assert asyncio.run(count()) == [
        (None, frozenset(), True),
        (None, frozenset({"thirds"}), True),
        (None, frozenset({"thirds", "running"}), False),
    ]


def test_listeners_and_clients_count_apart_and_nobody_reads_who_they_are(server: StoreServer) -> None:
    async def count() -> list[str | None]:
        async with gateway_at(server) as store:
            asked = [store.ledger("shop"), store.ledger("api"), store.ledger("shop")]
            said = [(await ledger.charge([(THIRDS, ALICE)], []))[0].refused for ledger in asked]
            return [*said, (await charge(store, THIRDS, key=BOB)).refused]

    assert asyncio.run(count()) == [None, None, "thirds", None]
    names = server.tell("--raw", "KEYS", "*").split()
    assert all(name.startswith("{wg}:") for name in names)
    assert not any("10.0.0" in name or "thirds" in name for name in names)
    assert all(0 < int(server.tell("--raw", "PTTL", name)) < 3_600_000 for name in names if not name.endswith("probe"))


def test_a_user_that_may_do_nothing_else_is_enough(tmp_path: Path) -> None:
    rights = HOW_TO.read_text("utf-8").partition("user gateway on >PASSWORD ~{wicketgate}:* ")[2].partition("\n")[0]
    options = ("--requirepass", "other", "--user", "gateway", "on", ">hunter2", "~{wg}:*", *rights.split())

    async def count() -> list[str | None]:
        with store_server(tmp_path, *options) as server:
            async with gateway_at(server, told, credentials=("gateway", "hunter2")) as store:
                first = await charge(store, SLOW, RUNNING)
                assert first.lease is not None
                first.lease.release()
                return [first.refused, (await charge(store, SLOW, RUNNING)).refused]

    told: list[tuple[bool, str]] = []
    assert (asyncio.run(count()), told) == ([None, None], [])


def test_a_store_that_forgot_its_scripts_is_told_them_again(server: StoreServer) -> None:
    async def count() -> list[str | None]:
        async with gateway_at(server) as store:
            server.tell("SCRIPT", "FLUSH")
            return [(await charge(store, SLOW)).refused]

    assert asyncio.run(count()) == [None]


def test_a_store_that_is_killed_is_away_and_said_so_once_and_back_when_it_is(server: StoreServer) -> None:
    told: list[tuple[bool, str]] = []

    async def live() -> list[str | None]:
        async with gateway_at(server, told) as store:
            await charge(store, SLOW)
            server.kill()
            for _ in range(5):
                with pytest.raises(Away):
                    await charge(store, SLOW)
            assert (store.away, store.summary()["state"], store.summary()["failed"]) == (True, "away", 3)
            server.start()
            await until(lambda: not store.away)
            return [(await charge(store, SLOW)).refused for _ in range(4)]

    refused = asyncio.run(live())

    assert told == [(False, "it cannot be reached"), (True, "")]
    assert refused == [None, None, None, "slow"]  # what a store has forgotten is one burst more


def test_a_store_that_is_slow_is_not_waited_for_and_what_it_took_is_given_back(server: StoreServer) -> None:
    told: list[tuple[bool, str]] = []

    async def live() -> LimitOutcome:
        async with gateway_at(server, told, patience=0.2) as store:
            server.stop()
            for _ in range(3):
                with pytest.raises(Away):
                    await charge(store, RUNNING)
            server.go_on()
            await until(lambda: not store.away and _leases(server) == 0)
            return await charge(store, RUNNING)

    outcome = asyncio.run(live())

    assert told == [(False, "it gave no answer in 200 ms"), (True, "")]
    assert (outcome.refused, outcome.states[0].remaining) == (None, 1)


def test_an_answer_that_came_too_late_is_never_taken_for_another_one(server: StoreServer) -> None:
    async def live() -> list[int]:
        async with gateway_at(server, patience=0.3) as store:
            await charge(store, SLOW)
            server.stop()
            with pytest.raises(Away):
                await charge(store, SLOW)
            server.go_on()
            await asyncio.sleep(0)
            return [(await charge(store, SLOW, key=BOB)).states[0].remaining for _ in range(3)]

    assert asyncio.run(live()) == [2, 1, 0]


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), "it has no memory left"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), "it answered `NOREPLICAS`"),
        (("REPLICAOF", "127.0.0.1", "1"), "it is a replica, which cannot be written"),
    ],
)
def test_a_store_that_cannot_be_written_is_away(server: StoreServer, lie: tuple[str, ...], why: str) -> None:
    told: list[tuple[bool, str]] = []

    async def live() -> None:
        async with gateway_at(server, told) as store:
            server.tell(*lie)
            for _ in range(3):
                with pytest.raises(Away):
                    await charge(store, SLOW)
            assert store.away

    asyncio.run(live())

    assert [words for _, words in told] == [why]


def test_what_somebody_else_wrote_under_a_key_admits_nobody(server: StoreServer) -> None:
    async def live() -> None:
        async with gateway_at(server) as store:
            await charge(store, SLOW)
            (name,) = [
                name for name in server.tell("--raw", "KEYS", "*").split() if not name.endswith(("probe", "secret"))
            ]
            for lie in (("SET", name, "nonsense"), ("DEL", name), ("LPUSH", name, "1")):
                server.tell(*lie)
                if lie[0] != "DEL":
                    with pytest.raises(Away):
                        await charge(store, SLOW)
            assert not store.away

    asyncio.run(live())


def test_leases_of_a_gateway_that_died_expire_and_those_of_one_that_lives_are_renewed(
    server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.limits.cluster.store.LIFE", 1.0)
    monkeypatch.setattr("gateway.limits.cluster.store.RENEWAL", 0.1)

    async def live() -> list[int]:
        async with gateway_at(server) as living:
            kept = await charge(living, RUNNING)
            dead = gateway_at(server)
            died = await dead.__aenter__()
            lost = await charge(died, RUNNING)
            for task in died._tasks:  # noqa: SLF001 - a gateway that was killed renews nothing
                task.cancel()
            held = [_leases(server)]
            await until(lambda: _leases_now(server) == 1)
            assert (kept.lease is None, lost.lease is None) == (False, False)
            server.tell("FLUSHALL")
            await until(lambda: _leases(server) == 1)
            return [*held, _leases(server)]

    assert asyncio.run(live()) == [2, 1]


def _leases_now(server: StoreServer) -> int:
    """Leases that have not expired."""
    seconds, micro = server.tell("--raw", "TIME").split()
    now = seconds + micro.zfill(6)
    return sum(int(server.tell("--raw", "ZCOUNT", name, now, "+inf")) for name in _running(server))
