from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import ConnectionState as Connected
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.judging.exchange import board, exchange_of
from addons.upstream.dialing import Dialing, Turns, pinned
from gateway.policy.addresses import Address
from gateway.policy.model import Decision, Mode, PinAddress, Reason, Verdict, refuse
from tests.adapters.scene import answer_of, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

PLAIN = "GET http://site.example/a HTTP/1.1\nHost: site.example"
PLACE = ("site.example", 80)
PINNED = ("93.184.216.34", 80)


def attempt(client: Client, place: tuple[str, int] = PLACE, *, tls: bool = False) -> ServerConnectionHookData:
    """The layer wants a connection to a place."""
    server = Server(address=place)
    server.tls = tls
    return ServerConnectionHookData(server=server, client=client)


def admitted(scene: Scene) -> tuple[Client, HTTPFlow]:
    """A client whose request may go to the place."""
    client = scene.client()
    flow = scene.ask(client, PLAIN)
    assert flow.response is None
    return client, flow


def dial(scene: Scene, data: ServerConnectionHookData) -> None:
    """The hook before a connection is opened."""
    asyncio.run(scene.dialing.server_connect(data))


def stand(data: ServerConnectionHookData, peer: str = PINNED[0]) -> None:
    """The connection was made, as the handler says it."""
    data.server.state = Connected.OPEN
    data.server.peername = (peer, PINNED[1])


def test_the_judged_address_takes_the_place_of_the_name_and_the_name_returns(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    data = attempt(client, tls=True)
    dial(here, data)
    assert (data.server.error, data.server.address, data.server.sni) == (None, PINNED, "site.example")

    stand(data)
    here.dialing.server_connected(data)
    assert data.server.address == PLACE
    assert here.state(client).reached_at(PLACE) == (Address.parse(PINNED[0]),)

    here.dialing.server_disconnected(data)
    assert here.state(client).reached_at(PLACE) == ()


@pytest.mark.parametrize("place", [("evil.example", 80), ("site.example", 8080), PINNED])
def test_what_was_not_judged_for_this_exchange_is_not_dialled(place: tuple[str, int], scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    data = attempt(client, place)
    dial(here, data)

    assert data.server.error == "the destination was refused"


def test_a_refused_request_dials_nothing(scene: Setter) -> None:
    here = scene(names={"site.example": "10.0.0.1"})
    client = here.client()
    assert answer_of(here.ask(client, PLAIN)).status_code == 403
    data = attempt(client)
    dial(here, data)

    assert data.server.error is not None


def test_nothing_is_dialled_for_an_exchange_that_has_ended(scene: Setter) -> None:
    here = scene()
    client, flow = admitted(here)
    exchange = exchange_of(flow)
    assert exchange is not None
    here.recorder.ended(exchange)
    data = attempt(client)
    dial(here, data)

    assert data.server.error is not None


def test_nothing_is_dialled_through_another_proxy(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    data = attempt(client)
    data.server.via = ("http", ("proxy.example", 3128))
    dial(here, data)

    assert data.server.error is not None


def test_another_peer_than_the_judged_one_is_an_error_that_closes(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    data = attempt(client)
    dial(here, data)
    stand(data, "10.0.0.1")

    with pytest.raises(ConnectionError, match="another address"):
        here.dialing.server_connected(data)
    assert here.state(client).reached_at(PLACE) == ()


def test_an_upstream_that_cannot_be_reached_is_a_502_without_its_address(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    client = here.client()
    flow = here.ask(client, "GET / HTTP/1.1\nHost: shop.example")
    data = attempt(client, ("127.0.0.1", 8000))
    dial(here, data)
    data.server.error = "[Errno 111] Connect call failed ('127.0.0.1', 8000)"
    here.dialing.server_connect_error(data)
    here.recording.error(flow)

    end = here.records()[-1]
    assert (end["status"], end["reason"]) == (502, "upstream-refused")


def test_connecting_has_a_deadline_of_its_own(scene: Setter) -> None:
    here = scene()
    client, flow = admitted(here)
    dialing = Dialing(here.connections, timeout=0.02)
    data = attempt(client)

    async def connect() -> None:
        await dialing.server_connect(data)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            dialing.server_connect_error(data)
            raise

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(connect())
    exchange = exchange_of(flow)
    assert exchange is not None
    assert exchange.outcome is not None
    assert (exchange.outcome.verdict, exchange.outcome.reason) == (Verdict.DENY, Reason.UPSTREAM_TIMEOUT)


def test_the_deadline_does_not_outlive_the_attempt(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    dialing = Dialing(here.connections, timeout=0.01)
    data = attempt(client)

    async def connect() -> str:
        await dialing.server_connect(data)
        stand(data)
        dialing.server_connected(data)
        await asyncio.sleep(0.05)
        return "not stopped"

    assert asyncio.run(connect()) == "not stopped"


def test_an_attempt_that_was_stopped_on_its_way_is_forgotten_with_its_client(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)
    data = attempt(client)
    dial(here, data)
    here.dialing.client_disconnected(client)
    stand(data)

    with pytest.raises(KeyError):
        here.dialing.server_connected(data)


def test_addresses_of_a_name_take_turns() -> None:
    turns = Turns()
    addresses = (Address.parse("192.0.2.1"), Address.parse("192.0.2.2"))

    firsts = [str(turns.addresses(PLACE, addresses)[0]) for _ in range(3)]
    assert firsts == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert set(turns.addresses(PLACE, addresses)) == set(addresses)


def test_the_memory_of_turns_is_bounded() -> None:
    turns = Turns(most=10)
    addresses = (Address.parse("192.0.2.1"), Address.parse("192.0.2.2"))
    for port in range(1000):
        turns.addresses(("site.example", port), addresses)

    assert len(turns._next) <= 10  # noqa: SLF001 - the bound is the point


def test_nothing_is_connected_that_did_not_pass_the_hook(scene: Setter) -> None:
    here = scene()
    client, _ = admitted(here)

    with pytest.raises(ConnectionError, match="the destination was refused"):
        asyncio.run(here.dialing.connect(attempt(client).server))


def test_any_of_the_judged_addresses_may_answer_and_the_record_says_which(scene: Setter) -> None:
    here = scene(names={"site.example": "93.184.216.34 93.184.216.35"})
    client, flow = admitted(here)
    data = attempt(client)
    dial(here, data)
    assert data.server.address == PINNED

    stand(data, "93.184.216.35")
    here.dialing.server_connected(data)
    exchange = exchange_of(flow)
    assert exchange is not None
    here.recorder.ended(exchange)

    decision, end = here.records()
    assert decision["destination"]["ip"] == "93.184.216.34"
    assert decision["destination"]["answers"] == ["93.184.216.34", "93.184.216.35"]
    assert end["destination"] == {"ip": "93.184.216.35"}


def test_an_address_that_failed_where_mitmproxy_connects_itself_comes_last_the_next_time(scene: Setter) -> None:
    here = scene(names={"site.example": "93.184.216.34 93.184.216.35"})
    client, _ = admitted(here)
    data = attempt(client)
    dial(here, data)
    here.dialing.server_connect_error(data)
    for _ in range(2):
        here.ask(client, PLAIN)
        another = attempt(client)
        dial(here, another)
        assert another.server.address == ("93.184.216.35", 80)


def test_an_obligation_narrows_what_may_be_dialled_and_never_widens_it() -> None:
    judged = (Address.parse("192.0.2.1"), Address.parse("192.0.2.2"))
    other = Address.parse("10.0.0.1")
    decision = Decision(
        verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, obligations=(PinAddress((judged[1], other)),)
    )

    assert pinned(decision, judged) == (judged[1],)


def test_of_several_requests_each_connection_is_dialled_for_its_own(scene: Setter) -> None:
    on = scene(names={"site.example": "93.184.216.34", "other.example": "93.184.216.35"})
    client = on.client()
    first, second = on.ask(client, PLAIN), on.ask(client, PLAIN.replace("site", "other"))
    data = attempt(client)
    board(data.server, judged(first))
    dial(on, data)
    stray = attempt(client)
    board(stray.server, judged(second))
    dial(on, stray)

    assert data.server.address == PINNED
    assert stray.server.error is not None


def test_everybody_who_waited_for_a_connection_hears_why_it_failed(scene: Setter) -> None:
    on = scene()
    client = on.client()
    flows = [on.ask(client, PLAIN) for _ in range(2)]
    data = attempt(client)
    for flow in flows:
        board(data.server, judged(flow))
    dial(on, data)
    on.dialing.server_connect_error(data)

    assert [judged(flow).outcome for flow in flows] == [refuse(Reason.UPSTREAM_REFUSED)] * 2
