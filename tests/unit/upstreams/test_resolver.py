"""The look-up is a seam of the resolver: here it is a table, a gate that opens later, or one that never does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.policy.addresses import Address
from gateway.policy.names import Host
from gateway.upstreams.lookup import Found, LookupFailed, System
from gateway.upstreams.resolver import Resolver, ResolverBounds, Unresolved

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, SIX = Address.parse("192.0.2.1"), Address.parse("192.0.2.2"), Address.parse("2001:db8::1")


@dataclass
class Names:
    """Answers from a table; a name in `failures` fails; while `open` is clear, every question waits."""

    table: dict[str, tuple[Address, ...]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    open: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> tuple[Address, ...]:
        self.asked.append(name)
        self.open.wait(20)
        if name in self.failures:
            raise LookupFailed(self.failures[name])
        return self.table[name]


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names(table={"db.example": (TWO, SIX, ONE), "a.example": (ONE,), "b.example": (TWO,)})
    names.open.set()
    yield names
    names.open.set()


async def why(resolver: Resolver, name: str) -> str:
    with pytest.raises(Unresolved) as caught:
        await resolver.resolve(Host.parse(name))
    return str(caught.value)


def test_every_answer_is_told_in_its_order(names: Names) -> None:
    async def scenario() -> None:
        resolver = Resolver({}, source=System(lookup=names))
        assert await resolver.resolve(Host.parse("DB.example.")) == (TWO, SIX, ONE)

    asyncio.run(scenario())
    assert names.asked == ["db.example"]


@pytest.mark.parametrize(("wanted", "literal"), [(ONE, "192.0.2.1"), (SIX, "[2001:db8::1]"), (ONE, "3221225985")])
def test_an_address_is_its_own_answer(wanted: Address, literal: str, names: Names) -> None:
    async def scenario() -> None:
        assert await Resolver({"192.0.2.1": (TWO,)}, source=System(lookup=names)).resolve(Host.parse(literal)) == (
            wanted,
        )

    asyncio.run(scenario())
    assert names.asked == []


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ((ONE,), "db.example"),
        ((TWO,), "x.corp.example"),
        ((TWO,), "corp.example"),
        ((SIX,), "y.lab.corp.example"),
        ((ONE,), "host.lab.corp.example"),
    ],
)
def test_the_configuration_answers_first_and_the_longest_name_wins(
    wanted: tuple[Address, ...], name: str, names: Names
) -> None:
    overrides = {
        "DB.Example": (ONE,),
        ".corp.example": (TWO,),
        ".lab.corp.example": (SIX,),
        "host.lab.corp.example": (ONE,),
    }

    async def scenario() -> None:
        assert await Resolver(overrides, source=System(lookup=names)).resolve(Host.parse(name)) == wanted

    asyncio.run(scenario())
    assert names.asked == []


def test_a_name_configured_without_addresses_does_not_exist(names: Names) -> None:
    async def scenario() -> str:
        return await why(Resolver({".gone.example": ()}, source=System(lookup=names)), "a.gone.example")

    assert asyncio.run(scenario()) == "`a.gone.example` has no address: no such name"
    assert names.asked == []


def test_answers_are_kept_for_a_while_and_failures_for_a_shorter_one(names: Names) -> None:
    names.failures["gone.example"] = "no such name"
    now = [0.0]

    async def scenario() -> None:
        resolver = Resolver({}, clock=lambda: now[0], source=System(lookup=names))
        for moment in (0.0, 1.9, 2.0, 29.9, 30.0):
            now[0] = moment
            await resolver.resolve(Host.parse("a.example"))
            assert await why(resolver, "gone.example") == "`gone.example` has no address: no such name"

    asyncio.run(scenario())
    assert (names.asked.count("a.example"), names.asked.count("gone.example")) == (2, 3)


def test_of_many_who_ask_at_once_one_asks_the_system(names: Names) -> None:
    async def scenario() -> None:
        names.open.clear()
        resolver = Resolver({}, source=System(lookup=names))
        questions = [asyncio.create_task(resolver.resolve(Host.parse("a.example"))) for _ in range(50)]
        await asyncio.sleep(0.05)
        questions[0].cancel()
        names.open.set()
        answers = await asyncio.gather(*questions[1:])
        assert set(answers) == {(ONE,)}

    asyncio.run(scenario())
    assert names.asked == ["a.example"]


def test_an_answer_that_is_late_is_a_timeout(names: Names) -> None:
    async def scenario() -> str:
        names.open.clear()
        try:
            return await why(Resolver({}, 0.05, source=System(lookup=names)), "a.example")
        finally:
            names.open.set()

    assert asyncio.run(scenario()) == "`a.example` has no address: the name servers did not answer in time"


def test_more_names_than_may_wait_are_refused_at_once(names: Names) -> None:
    bounds = ResolverBounds(waiting=2)

    async def scenario() -> None:
        names.open.clear()
        resolver = Resolver({}, source=System(1, names), bounds=bounds)
        questions = [asyncio.create_task(resolver.resolve(Host.parse(f"{name}.example"))) for name in "ab"]
        await asyncio.sleep(0.05)
        assert await why(resolver, "db.example") == "`db.example` has no address: too many names are being resolved"
        assert names.asked == ["a.example"]
        names.open.set()
        assert await asyncio.gather(*questions) == [(ONE,), (TWO,)]

    asyncio.run(scenario())


def test_the_table_of_answers_is_bounded_and_forgets_the_oldest(names: Names) -> None:
    async def scenario() -> None:
        resolver = Resolver({}, source=System(lookup=names), bounds=ResolverBounds(remembered=2))
        for name in ("a.example", "b.example", "db.example", "b.example", "a.example"):
            await resolver.resolve(Host.parse(name))

    asyncio.run(scenario())
    assert names.asked == ["a.example", "b.example", "db.example", "a.example"]


def test_the_system_is_asked_unless_something_else_is_given() -> None:
    async def scenario() -> str:
        resolver = Resolver({})
        try:
            return await why(resolver, f"{'a' * 63}.{'b' * 63}.invalid")
        finally:
            resolver.close()

    assert "has no address" in asyncio.run(scenario())


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "foo.localhost", "a.b.localhost"])
def test_localhost_with_all_below_it_is_this_machine_and_nobody_is_asked(name: str, names: Names) -> None:
    async def scenario() -> None:
        resolver = Resolver({"db.localhost": (ONE,)}, source=System(lookup=names))
        loop = (Address.parse("127.0.0.1"), Address.parse("::1"))
        assert await resolver.resolve(Host.parse(name)) == loop
        assert await resolver.resolve(Host.parse("db.localhost")) == (ONE,)

    asyncio.run(scenario())
    assert names.asked == []


@dataclass
class Said:
    """A source that says how long its answers hold; a name without addresses is a failure."""

    keep: float | None
    addresses: tuple[Address, ...] = (ONE,)
    asked: int = 0

    async def look_up(self, _name: str, _seconds: float) -> Found:
        self.asked += 1
        if not self.addresses:
            raise LookupFailed("no such name", self.keep)
        return Found(self.addresses, self.keep)

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (10.0, Said(0.0)),  # the least
        (20.0, Said(20.0)),
        (100.0, Said(86400.0)),  # the most
        (30.0, Said(None)),
        (0.5, Said(0.5, ())),
        (100.0, Said(86400.0, ())),
        (2.0, Said(None, ())),
    ],
)
def test_an_answer_is_kept_as_long_as_its_source_says_within_bounds_and_never_longer(kept: float, said: Said) -> None:
    now = [0.0]

    async def scenario() -> list[int]:
        resolver = Resolver({}, clock=lambda: now[0], source=said, bounds=ResolverBounds(least=10.0, most=100.0))
        counts = []
        for moment in (0.0, kept * 0.99, kept):
            now[0] = moment
            with suppress(Unresolved):
                await resolver.resolve(Host.parse("a.example"))
            counts.append(said.asked)
        return counts

    assert asyncio.run(scenario()) == [1, 1, 2]
