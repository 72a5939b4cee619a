from __future__ import annotations

from typing import TYPE_CHECKING, override

import pytest
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.options import Options
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import Start
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import GetHttpConnection, HTTPMode, HttpStream
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook

from addons.connections.bounds import Patience
from addons.connections.watching import REASONS, Awaited, Pace, Watcher
from addons.http2.taps import Taps, Way
from addons.judging.exchange import attach, exchange_of
from addons.streams.stream import GatewayStream, Inside
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Connection
    from mitmproxy.proxy.commands import Command
    from mitmproxy.proxy.events import Event

    from addons.http1.client_side import Commands
    from addons.judging.exchange import Exchange
    from tests.adapters.scene import Scene

PATIENCE = Patience(body=10, body_rate=100, first_byte=20, exchange=30)
REQUEST = "POST http://site.example/ HTTP/1.1\nHost: site.example\nTransfer-Encoding: chunked"


class Nothing(Layer):
    """What a stream never becomes here."""

    @override
    def _handle_event(self, event: Event) -> Commands:
        yield from ()


NOTHING = Inside(Nothing, lambda context, _flow: Nothing(context))


def seconds_until_late(awaited: Awaited, received: int = 0, *, patience: Patience = PATIENCE) -> int:
    """How long somebody may be waited for who does nothing, in whole seconds."""
    pace = Pace(0.0, 0.0)
    for now in range(1000):
        pace.look(now, awaited, "the same")
        if pace.is_late(patience, received):
            return now
    return -1


@pytest.mark.parametrize(
    ("wanted", "awaited"),
    [(-1, Awaited.NOBODY), (11, Awaited.BODY), (21, Awaited.ANSWER), (31, Awaited.REST), (31, Awaited.CLIENT)],
)
def test_everybody_who_is_silent_has_a_time_of_his_own(wanted: int, awaited: Awaited) -> None:
    assert wanted == seconds_until_late(awaited)


def drip(size: int, every: int, patience: Patience = PATIENCE) -> int | None:
    """How many bytes of a body that drips have come when it is late; None if it never is."""
    pace, received = Pace(0.0, 0.0), 0
    for now in range(2000):
        received += size if now % every == 0 else 0
        pace.look(now, Awaited.BODY, received)
        if pace.is_late(patience, received):
            return received
    return None


@pytest.mark.parametrize(
    ("late", "size", "every"),
    [(True, 1, 1), (True, 1, 9), (True, 99, 1), (False, 101, 1), (False, 900, 9), (True, 900, 10), (True, 9000, 12)],
)
def test_a_body_has_to_come_at_its_rate_and_without_long_breaks(size: int, every: int, *, late: bool) -> None:
    assert late is (drip(size, every) is not None)


def test_without_a_rate_a_body_may_drip_for_ever() -> None:
    assert drip(1, 9, Patience(body=10, body_rate=0)) is None


def test_time_in_which_somebody_else_was_waited_for_is_not_counted() -> None:
    pace = Pace(0.0, 0.0)
    late = []
    for now in range(500):
        pace.look(now, Awaited.BODY if now % 50 == 0 else Awaited.REST, now // 25)
        late.append(pace.is_late(PATIENCE, 1))

    assert not any(late)
    assert pace.waited == 0.0


class Sockets:
    """Who is read from, and what waits to be written to him."""

    def __init__(self) -> None:
        self.awaited: set[Connection] = set()
        self.waiting: dict[Connection, int] = {}

    def awaits(self, connection: Connection) -> bool:
        return connection in self.awaited

    def unsent(self, connection: Connection) -> int:
        return self.waiting.get(connection, 0)


class Bench:
    """One stream of a client, in whatever state a test wants it, and the watcher over it."""

    def __init__(self, scene: Scene) -> None:
        flow = scene.ask(scene.client(), REQUEST)
        exchange = exchange_of(flow)
        assert exchange is not None
        self.exchange: Exchange = exchange
        self.client = Client(peername=("192.0.2.1", 5), sockname=("192.0.2.2", 6), state=ConnectionState.OPEN)
        context = Context(self.client, Options())
        self.server = context.server = Server(address=("site.example", 80))
        self.taps, self.sockets = Taps(), Sockets()
        self.stream = GatewayStream(context, 1, HTTPMode.transparent, NOTHING)
        self.stream.flow = flow
        self.streams: dict[int, HttpStream] = {1: self.stream}
        self.has_window = True
        self.watcher = Watcher(self.streams, self.taps, PATIENCE, lambda _stream_id: self.has_window)

    def uploads(self) -> None:
        self.stream.client_state = self.stream.state_stream_request_body
        self.stream.server_state = self.stream.state_wait_for_response_headers

    def asked(self) -> None:
        self.stream.client_state = self.stream.state_done
        self.stream.server_state = self.stream.state_wait_for_response_headers

    def answers(self) -> None:
        self.stream.server_state = self.stream.state_stream_response_body

    def awaited(self) -> Awaited:
        """Whom the stream waits for that never goes on."""
        for now in range(0, 1000, 5):
            if self.watcher.look(now, self.sockets):
                ((_, awaited),) = self.watcher.take_late()
                return awaited
        return Awaited.NOBODY


class Asking(GatewayStream):
    """In the place of another stream, waits for what it asks for."""

    def __init__(self, before: GatewayStream, ask: Command) -> None:
        super().__init__(before.context, 1, HTTPMode.transparent, NOTHING)
        self.flow, self._ask = before.flow, ask

    @override
    def _handle_event(self, event: Event) -> Commands:
        yield self._ask


@pytest.fixture
def bench(scene: Callable[..., Scene]) -> Bench:
    return Bench(scene())


def test_a_client_that_is_read_from_is_waited_for_with_its_body(bench: Bench) -> None:
    bench.uploads()
    bench.sockets.awaited = {bench.client, bench.server}

    assert bench.awaited() is Awaited.BODY


@pytest.mark.parametrize("why", ["not read", "tap", "window"])
def test_an_upstream_that_takes_nothing_is_waited_for_and_not_the_client(why: str, bench: Bench) -> None:
    bench.uploads()
    bench.sockets.awaited = {bench.server} if why == "not read" else {bench.client, bench.server}
    bench.has_window = why != "window"
    if why == "tap":
        bench.taps.shut(1, Way.UP, bench)

    assert bench.awaited() is Awaited.REST


def test_a_client_that_takes_nothing_itself_keeps_its_body_waiting(bench: Bench) -> None:
    bench.uploads()
    bench.sockets.waiting = {bench.client: 70_000}

    assert bench.awaited() is Awaited.CLIENT


def test_a_request_that_was_sent_waits_for_the_answer_to_begin(bench: Bench) -> None:
    bench.asked()
    bench.sockets.awaited = {bench.client, bench.server}

    assert bench.awaited() is Awaited.ANSWER


def test_an_answer_that_stalls_is_waited_for_also_while_a_body_is_on_its_way(bench: Bench) -> None:
    bench.uploads()
    bench.answers()
    bench.sockets.awaited = {bench.client, bench.server}

    assert bench.awaited() is Awaited.REST


@pytest.mark.parametrize("why", ["not read", "tap"])
def test_an_answer_that_nobody_takes_is_the_clients_fault(why: str, bench: Bench) -> None:
    bench.answers()
    bench.sockets.awaited = {bench.client} if why == "not read" else {bench.client, bench.server}
    if why == "tap":
        bench.taps.shut(1, Way.DOWN, bench)

    assert bench.awaited() is Awaited.CLIENT


def test_a_connection_upstream_is_waited_for_like_an_answer_and_a_hook_is_not(bench: Bench) -> None:
    found = []
    for ask in (GetHttpConnection(("site.example", 80), False, None), HttpRequestHook(bench.stream.flow)):  # noqa: FBT003 - mitmproxy's signature
        bench.streams[1] = bench.stream = Asking(bench.stream, ask)
        assert list(bench.stream.handle_event(Start())) == [ask]
        found.append(bench.awaited())

    assert found == [Awaited.ANSWER, Awaited.NOBODY]


@pytest.mark.parametrize("passes", ["up", "down", "client", "server"])
def test_whatever_passes_gives_new_time(passes: str, bench: Bench) -> None:
    bench.answers()
    bench.sockets.awaited = {bench.client, bench.server}
    late = []
    for now in range(0, 1000, 5):
        match passes:
            case "up":
                bench.exchange.up += 1
            case "down":
                bench.exchange.down += 1
            case "client":
                bench.sockets.waiting[bench.client] = now
            case _:
                bench.sockets.waiting[bench.server] = now
        late.append(bench.watcher.look(now, bench.sockets))

    assert not any(late)


def test_a_stream_that_became_a_tunnel_or_was_never_judged_is_left_alone(bench: Bench) -> None:
    bench.asked()
    bench.stream.child_layer = bench.stream
    in_tunnel = bench.awaited()
    bench.stream.child_layer = None
    bench.stream.flow.metadata.clear()
    unjudged = bench.awaited()
    attach(bench.stream.flow, bench.exchange)

    assert (in_tunnel, unjudged, bench.awaited()) == (Awaited.NOBODY, Awaited.NOBODY, Awaited.ANSWER)


def test_who_was_blamed_once_is_not_blamed_again_and_who_has_gone_is_forgotten(bench: Bench) -> None:
    bench.asked()
    first = bench.awaited()
    bench.streams.clear()

    assert (first, bench.watcher.look(5000, bench.sockets), bench.watcher.take_late()) == (Awaited.ANSWER, False, ())


def test_every_wait_that_is_in_vain_has_its_reason() -> None:
    assert set(REASONS) == set(Awaited) - {Awaited.NOBODY}
    assert REASONS[Awaited.BODY] is Reason.BODY_TIMEOUT
    assert REASONS[Awaited.CLIENT] is Reason.CLIENT_TIMEOUT


def test_an_exchange_that_a_new_policy_refuses_ends_at_the_next_look(bench: Bench) -> None:
    bench.answers()
    assert not bench.watcher.look(0, bench.sockets)

    bench.exchange.outcome = refuse(Reason.POLICY_CHANGED)

    assert bench.watcher.look(1, bench.sockets)
    assert bench.watcher.take_late() == ((1, Awaited.LAW),)
