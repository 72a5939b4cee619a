from __future__ import annotations

import asyncio
import errno
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Client

from addons.serving.listeners import Crowd, Served, cannot_listen, open_socket, own_addresses
from gateway.config.settings import LimitSettings, ListenerSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.e2e import origin as origins
from tests.e2e.gateways import Scenery, serving
from tests.e2e.origin import HELLO, Visit, client, read_all, read_answer, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = b"GET /in HTTP/1.1\r\nHost: shop.example\r\n\r\n"
LOOPBACK = Address.parse("127.0.0.1")


def listener(bind: str, port: int = 8080) -> ListenerSettings:
    return ListenerSettings(
        name="egress", mode=Mode.FORWARD, bind=(Address.parse(bind), port), policy=Path("policy.yaml")
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_socket_says_tcp_so_that_nothing_waits_for_company(address: str) -> None:
    try:
        opened = open_socket(Address.parse(address), 0)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    with opened:
        assert opened.proto == socket.IPPROTO_TCP
        assert opened.getsockname()[0] == address


def test_an_address_that_is_taken_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        open_socket(LOOPBACK, taken.getsockname()[1])


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("is taken by another process, choose another with `--listen`", errno.EADDRINUSE),
        ("needs a privilege that this user lacks, choose a port above 1023 with `--listen`", errno.EACCES),
        ("is no address of this machine, choose another with `--listen`", errno.EADDRNOTAVAIL),
        ("cannot be listened on: no buffer space available", errno.ENOBUFS),
    ],
)
def test_why_an_address_cannot_be_listened_on_is_said_in_words(sentence: str, number: int) -> None:
    error = OSError(number, "No buffer space available")

    assert cannot_listen(listener("127.0.0.1"), error) == f"listener `egress`: 127.0.0.1:8080 {sentence}"


def test_a_listener_on_one_address_is_found_there_alone() -> None:
    assert own_addresses((Address.parse("192.0.2.1"), 8080)) == {(Address.parse("192.0.2.1"), 8080)}


def test_a_listener_on_every_address_is_found_on_loopback_too() -> None:
    assert {(LOOPBACK, 8080), (Address.parse("::1"), 8080)} <= own_addresses((Address.parse("0.0.0.0"), 8080))


def test_a_crowd_is_bounded_by_client_and_in_all() -> None:
    crowd = Crowd(LimitSettings(connections=3, connections_per_client=2))
    one, two, three = (Address.parse(f"192.0.2.{number}") for number in (1, 2, 3))

    assert [crowd.enter(each) for each in (one, one, one, two, three)] == [True, True, False, True, False]
    crowd.leave(one)
    assert [crowd.enter(each) for each in (three, one)] == [True, False]


def test_clients_that_are_not_known_yet_count_in_all_alone() -> None:
    crowd = Crowd(LimitSettings(connections=3, connections_per_client=1))

    assert [crowd.enter(None) for _ in range(4)] == [True, True, True, False]
    assert crowd.enter(Address.parse("192.0.2.1")) is False
    crowd.leave(None)
    assert crowd.enter(Address.parse("192.0.2.1")) is True


def test_addresses_of_one_network_are_one_client() -> None:
    crowd = Crowd(LimitSettings(connections_per_client=1))

    assert crowd.enter(Address.parse("2001:db8::1")) is True
    assert crowd.enter(Address.parse("2001:db8::2")) is False
    assert crowd.enter(Address.parse("2001:db8:0:1::1")) is True


def _slowly(connection: socket.socket, visit: Visit) -> None:
    origins.read_request(connection, visit)
    time.sleep(0.3)
    connection.sendall(HELLO)


def _never(connection: socket.socket, visit: Visit) -> None:
    origins.read_request(connection, visit)
    visit.closed.wait(1)


@pytest.mark.parametrize(("wanted", "serve"), [(200, _slowly), (0, _never)])
def test_a_drain_ends_the_idle_at_once_and_gives_the_busy_time(
    wanted: int, serve: Callable[[socket.socket, Visit], None], tmp_path: Path
) -> None:
    with origins.origin() as origin, serving(Scenery(folder=tmp_path, origin=origin.port)) as gateway:
        with client(gateway.reverse) as idle, client(gateway.reverse) as busy:
            idle.sendall(REQUEST)
            assert status_of(read_answer(idle)) == 200
            origin.serve = serve
            busy.sendall(REQUEST)
            time.sleep(0.1)
            asyncio.run_coroutine_threadsafe(gateway.engine.served.drain(0.8), gateway.loop).result(10)

            assert read_all(idle) == b""
            assert wanted == status_of(read_all(busy))
        assert gateway.call(lambda: len(gateway.engine.served)) == 0


class Member:
    """Somebody who is served, and what was asked of it."""

    def __init__(self, name: str = "a") -> None:
        self.client = Client(peername=("192.0.2.1", 1), sockname=("127.0.0.1", 2), id=name)
        self.told: list[str] = []

    def is_overdue(self, now: float) -> bool:
        return now > 1

    def give_up(self) -> None:
        self.told.append("give up")

    def drain(self) -> None:
        self.told.append("drain")

    def abort(self) -> None:
        self.told.append("abort")


def test_one_client_can_be_ended_and_another_is_left_alone() -> None:
    served, one, two = Served(), Member("one"), Member("two")
    served.add(one)
    served.add(two)

    served.end("one")
    served.end("nobody")

    assert (one.told, two.told) == (["abort"], [])


def test_who_takes_a_connection_over_is_asked_from_then_on() -> None:
    served, handler, tunnel = Served(clock=lambda: 2.0), Member(), Member()
    served.add(handler)
    served.add(tunnel)

    served.sweep()

    assert (handler.told, tunnel.told, len(served)) == ([], ["give up"], 1)


def test_a_sweep_does_its_chores_again_and_again_even_if_one_of_them_fails() -> None:
    done = asyncio.Queue[str]()

    async def fails() -> None:
        raise ValueError("a bug")

    async def works() -> None:
        await done.put("done")

    async def twice() -> list[str]:
        sweeping = asyncio.ensure_future(Served(chores=[fails, works]).sweep_for_ever(0.0))
        try:
            return [await done.get(), await done.get()]
        finally:
            sweeping.cancel()

    assert asyncio.run(twice()) == ["done", "done"]


def test_nothing_is_waited_for_where_nobody_is_served() -> None:
    begun = time.monotonic()

    asyncio.run(Served().drain(5.0))

    assert time.monotonic() - begun < 1
