"""Sockets on loopback: a port where nobody listens refuses at once, one whose queue is full stays silent."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.upstream.connecting import ASIDE, MOST, NotConnected, Ways, connect, has_way_to
from gateway.policy.addresses import Address
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOUR, SIX = Address.parse("127.0.0.1"), Address.parse("::1")
OTHER = Address.parse("127.0.0.2")
NOWHERE = Address.parse("127.0.0.3")
LONG = 30.0


@contextmanager
def listening(*addresses: Address, port: int = 0) -> Iterator[int]:
    """Listen at these addresses on one port; others of the machine refuse it."""
    sockets = []
    for address in addresses:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        sockets.append(socket.create_server((str(address), port), family=family))
        port = sockets[-1].getsockname()[1]
    try:
        yield port
    finally:
        for each in sockets:
            each.close()


@contextmanager
def silent(address: Address) -> Iterator[int]:
    """A port whose queue is full: connecting to it is not answered."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family) as full:
        full.bind((str(address), 0))
        full.listen(0)
        waiting = []
        for _ in range(3):
            each = socket.socket(family)
            each.setblocking(False)  # noqa: FBT003 - the socket's own signature
            each.connect_ex(full.getsockname()[:2])
            waiting.append(each)
        try:
            yield full.getsockname()[1]
        finally:
            for each in waiting:
                each.close()


def connected(addresses: Sequence[Address], port: int, *, delay: float = LONG, ways: Ways | None = None) -> str:
    """The other end of the connection that is made."""

    async def scenario() -> str:
        async with asyncio.timeout(5):
            _, writer = await connect(addresses, port, ways or Ways(), delay)
        peer = writer.get_extra_info("peername")[0]
        writer.close()
        await writer.wait_closed()
        assert len(asyncio.all_tasks()) == 1
        return str(peer)

    return asyncio.run(scenario())


def test_the_first_address_is_taken_where_it_answers() -> None:
    with listening(SIX, FOUR) as port:
        assert connected([SIX, FOUR], port) == "::1"
        assert connected([FOUR, SIX], port) == "127.0.0.1"


def test_what_is_written_leaves_at_once_and_does_not_wait_for_an_acknowledgement() -> None:
    async def scenario(port: int) -> int:
        _, writer = await connect([FOUR], port, Ways(), LONG)
        try:
            option: int = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            return option
        finally:
            writer.close()

    with listening(FOUR) as port:
        assert asyncio.run(scenario(port)) == 1


def test_an_address_that_refuses_makes_room_for_the_next_at_once() -> None:
    with listening(FOUR) as port:
        assert connected([SIX, OTHER, NOWHERE, FOUR], port) == "127.0.0.1"


def test_an_address_that_is_silent_is_tried_beside_the_next_and_comes_later_the_next_time() -> None:
    ways = Ways()
    with silent(SIX) as port, listening(FOUR, port=port):
        assert connected([SIX, FOUR], port, delay=0.02, ways=ways) == "127.0.0.1"

    assert ways.order((SIX, FOUR)) == (FOUR, SIX)


def test_nothing_but_the_given_addresses_is_dialled() -> None:
    with listening(OTHER) as port, pytest.raises(NotConnected):
        connected([FOUR, NOWHERE], port)


def test_a_name_with_many_addresses_does_not_have_all_of_them_tried() -> None:
    many = [Address.parse(f"127.1.0.{number}") for number in range(1, MOST + 1)]
    with listening(FOUR) as port:
        assert connected([*many[1:], FOUR], port) == "127.0.0.1"
        with pytest.raises(NotConnected):
            connected([*many, FOUR], port)


def test_a_deadline_ends_every_attempt() -> None:
    ways = Ways()

    async def scenario(port: int) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connect([SIX], port, ways, 0.01)
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    with silent(SIX) as port:
        asyncio.run(scenario(port))
    assert ways.order((SIX, FOUR)) == (FOUR, SIX)


@pytest.mark.parametrize(
    ("reason", "detail", "codes"),
    [
        (Reason.UPSTREAM_REFUSED, "Nobody listens at the destination.", [errno.ECONNREFUSED, errno.ECONNREFUSED]),
        (Reason.UPSTREAM_REFUSED, "This machine has no route to the destination.", [errno.ENETUNREACH]),
        (Reason.UPSTREAM_REFUSED, "A firewall of this machine closes the way to the destination.", [errno.EPERM]),
        (
            Reason.UPSTREAM_REFUSED,
            "This machine has no route to the destination. Nobody listens at the destination.",
            [errno.ENETUNREACH, errno.ECONNREFUSED],
        ),
        (Reason.UPSTREAM_REFUSED, "The destination cannot be reached.", [errno.ECONNRESET]),
        (Reason.UPSTREAM_TIMEOUT, None, [errno.ETIMEDOUT]),
        (Reason.CAPACITY, "The gateway has too many connections open.", [errno.ECONNREFUSED, errno.EMFILE]),
    ],
)
def test_what_came_of_it_is_said_in_words(reason: Reason, detail: str | None, codes: list[int]) -> None:
    decision = NotConnected([OSError(code, "") for code in codes]).decision

    assert (decision.denied, decision.reason, decision.message) == (True, reason, detail)


def test_a_gateway_without_files_left_says_that_and_blames_no_address() -> None:
    ways, (soft, hard) = Ways(), resource.getrlimit(resource.RLIMIT_NOFILE)

    async def scenario() -> Reason:
        asyncio.get_running_loop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(NotConnected) as caught:
                await connect([FOUR, OTHER], 9, ways)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return caught.value.decision.reason

    assert asyncio.run(scenario()) is Reason.CAPACITY
    assert ways.order((FOUR, OTHER)) == (FOUR, OTHER)


def test_the_families_take_turns_the_first_one_first_and_each_begins_where_its_turn_says() -> None:
    fours = tuple(Address.parse(f"192.0.2.{number}") for number in (1, 2, 3))
    sixes = tuple(Address.parse(f"2001:db8::{number}") for number in (1, 2))
    ways = Ways(has_way=lambda _: True)

    assert ways.order((*sixes, *fours)) == (sixes[0], fours[0], sixes[1], fours[1], fours[2])
    assert ways.order((*sixes, *fours), 1) == (sixes[1], fours[1], sixes[0], fours[2], fours[0])
    assert ways.order((*fours, *sixes)) == (fours[0], sixes[0], fours[1], sixes[1], fours[2])


def test_a_family_without_a_route_comes_last_and_one_alone_stays() -> None:
    ways = Ways(has_way=FOUR.__eq__)

    assert ways.order((SIX, FOUR)) == (FOUR, SIX)
    assert ways.order((SIX,)) == (SIX,)
    assert has_way_to(FOUR)


def test_a_failure_is_forgotten_after_a_while_or_when_the_address_answers() -> None:
    now = [0.0]
    ways = Ways(clock=lambda: now[0], most=2)
    for address in (NOWHERE, FOUR, OTHER):
        ways.failed(address)

    assert ways.order((FOUR, OTHER, NOWHERE)) == (NOWHERE, FOUR, OTHER)  # no more than two are remembered
    ways.reached(FOUR)
    assert ways.order((OTHER, FOUR)) == (FOUR, OTHER)
    now[0] = ASIDE
    assert ways.order((OTHER, FOUR)) == (OTHER, FOUR)


ADDRESSES = st.builds(Address, st.sampled_from((4, 6)), st.integers(1, 2**32 - 1))


@given(st.lists(ADDRESSES, min_size=1, max_size=12, unique=True), st.integers(0, 100), st.data())
def test_an_order_is_never_more_nor_less_than_what_was_judged(
    judged: list[Address], turn: int, data: st.DataObject
) -> None:
    ways = Ways(has_way=lambda address: bool(address.value % 2))
    for address in data.draw(st.lists(st.sampled_from(judged))):
        ways.failed(address)

    assert sorted(ways.order(tuple(judged), turn)) == sorted(judged)
