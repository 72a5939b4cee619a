from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from h2 import events as h2_events
from h2.errors import ErrorCodes
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.http import Headers, Response
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from addons.connections.bounds import Bounds, Patience
from addons.connections.pacing import Share, WhenDraining
from addons.connections.phases import Await, Enter, Phase
from addons.http2.client_side import ClientSession
from addons.http2.session import TapTurned
from addons.http2.taps import Taps, Way
from addons.serving.options import LayerOptions, for_layers
from tests.e2e.h2wire import asking, quiet

if TYPE_CHECKING:
    from mitmproxy.proxy.commands import Command

SITE = "site.example"


class Bench:
    """A session without a socket: what a client sends goes in, what the session asks for is kept."""

    def __init__(self, *, lifetime: int = 100, exchange: float = 60.0) -> None:
        client = Client(peername=("192.0.2.1", 5), sockname=("192.0.2.2", 6), state=ConnectionState.OPEN)
        self.taps = Taps()
        self.peer = quiet(client_side=True)
        self.asked: list[Command] = []
        bounds = Bounds(patience=Patience(exchange=exchange))
        context = Context(client, for_layers(LayerOptions()))
        self.session = ClientSession(context, bounds, self.taps, self._answer, lifetime=lifetime)
        self.give(events.Start())
        self.peer.initiate_connection()
        self.hear()

    def _answer(self, event: ResponseProtocolError) -> Response:
        return Response.make(504, event.message.encode(), Headers(((b"X-Answer", b"ours"),)))

    def give(self, event: events.Event) -> list[Command]:
        """What the session asks for in return."""
        found = list(self.session.handle_event(event))
        self.asked += found
        return found

    def hear(self) -> list[Command]:
        """Let the session hear what the client says."""
        return self.give(events.DataReceived(self.session.conn, self.peer.data_to_send()))

    def ask(self, *, end: bool = True, path: str = "/") -> int:
        """Begin a stream."""
        number = self.peer.get_next_available_stream_id()
        self.peer.send_headers(number, asking(SITE, path), end_stream=end)
        self.hear()
        return number

    def said(self) -> bytes:
        """Everything that was said to the client so far, once."""
        data = b"".join(each.data for each in self.asked if isinstance(each, commands.SendData))
        self.asked.clear()
        return data

    def seen[C: Command](self, kind: type[C]) -> list[C]:
        """What of a kind was asked for."""
        return [each for each in self.asked if isinstance(each, kind)]

    def received(self) -> list[type]:
        """What kinds of events the streams got."""
        return [type(each.event) for each in self.asked if isinstance(each, ReceiveHttp)]

    def answer(self, number: int, body: bytes = b"", *, end: bool = True) -> None:
        """Answer a stream."""
        head = Response.make(200)
        head.headers = Headers()
        self.give(ResponseHeaders(number, head, end_stream=False))
        if body:
            self.give(ResponseData(number, body))
        if end:
            self.give(ResponseEndOfMessage(number))


def test_it_says_that_its_connection_is_shared_and_wants_to_hear_of_the_end() -> None:
    bench = Bench()

    assert [type(each) for each in bench.asked[:2]] == [Share, WhenDraining]


def test_a_request_is_received_and_its_answer_sent() -> None:
    bench = Bench()
    number = bench.ask()
    assert bench.received() == [RequestHeaders, RequestEndOfMessage]
    bench.said()
    bench.answer(number, b"hello")

    names = [type(event).__name__ for event in bench.peer.receive_data(bench.said())]
    assert {"ResponseReceived", "DataReceived", "StreamEnded"} <= set(names)
    assert bench.session.lanes == {}


def test_the_connection_is_idle_only_when_no_stream_is_open() -> None:
    bench = Bench()
    first, second = bench.ask(), bench.ask()
    bench.answer(first)
    before = [each.phase for each in bench.asked if isinstance(each, Enter | Await)]
    bench.answer(second)
    after = [each.phase for each in bench.asked if isinstance(each, Enter | Await)]

    assert before == [Phase.IDLE, Phase.EXCHANGE]
    assert after == [Phase.IDLE, Phase.EXCHANGE, Phase.IDLE]


def test_a_body_waits_for_the_window_and_so_does_its_source() -> None:
    bench = Bench()
    number = bench.ask()
    bench.answer(number, bytes(100_000), end=False)
    assert bench.taps.is_shut((number, Way.DOWN))

    bench.peer.receive_data(bench.said())
    bench.peer.increment_flow_control_window(100_000)
    bench.peer.increment_flow_control_window(100_000, number)
    bench.hear()

    assert not bench.taps.is_shut((number, Way.DOWN))


def test_a_window_is_given_back_only_while_the_tap_is_open() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    bench.give(TapTurned(number, is_shut=True))
    for _ in range(6):
        bench.peer.send_data(number, bytes(16_000))
        bench.peer.receive_data(bench.said())
        bench.hear()
    shut = bench.peer.local_flow_control_window(number)
    bench.peer.receive_data(bench.said())
    assert bench.peer.local_flow_control_window(number) == shut

    bench.give(TapTurned(number, is_shut=False))
    bench.peer.receive_data(bench.said())
    assert bench.peer.local_flow_control_window(number) > shut


def test_a_connection_that_had_enough_streams_is_left_in_peace() -> None:
    bench = Bench(lifetime=2)
    first, second = bench.ask(), bench.ask()
    third = bench.ask()
    refused = bench.peer.receive_data(_without_goaway(bench.said()))

    assert _resets(refused) == [(third, ErrorCodes.REFUSED_STREAM)]
    bench.answer(first)
    assert bench.seen(commands.CloseConnection) == []
    bench.answer(second)
    assert len(bench.seen(commands.CloseConnection)) == 1


def _resets(found: list[h2_events.Event]) -> list[tuple[int, int]]:
    return [(each.stream_id, each.error_code or 0) for each in found if isinstance(each, h2_events.StreamReset)]


def _without_goaway(data: bytes) -> bytes:
    kept = b""
    while data:
        size = 9 + int.from_bytes(data[:3])
        kept, data = kept + (b"" if data[3] == 7 else data[:size]), data[size:]
    return kept


def test_a_connection_that_asks_nothing_for_too_long_is_told_goodbye_and_closed() -> None:
    bench = Bench()
    (idle,) = [each for each in bench.seen(Await) if each.phase is Phase.IDLE]
    number = bench.ask()
    bench.give(events.Wakeup(idle))
    while_busy = bench.seen(commands.CloseConnection)
    bench.answer(number)
    bench.give(events.Wakeup(idle))

    assert while_busy == []
    assert len(bench.seen(commands.CloseConnection)) == 1


def test_a_client_may_send_as_long_as_its_window_has_room() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    before = bench.session.may_send(number)
    bench.session.lanes[number].is_shut = True
    bench.peer.receive_data(bench.said())
    while room := bench.peer.local_flow_control_window(number):
        bench.peer.send_data(number, bytes(min(room, 16384)))
        bench.hear()

    assert (before, bench.session.may_send(number), bench.session.may_send(number + 2)) == (True, False, False)


@pytest.mark.parametrize(
    ("code", "begun", "reset"),
    [
        (ErrorCode.GENERIC_SERVER_ERROR, False, None),
        (ErrorCode.GENERIC_SERVER_ERROR, True, ErrorCodes.INTERNAL_ERROR),
        (ErrorCode.KILL, False, ErrorCodes.CANCEL),
    ],
)
def test_a_broken_exchange_is_answered_as_long_as_nothing_was(
    code: ErrorCode, reset: ErrorCodes | None, *, begun: bool
) -> None:
    bench = Bench()
    number = bench.ask()
    if begun:
        bench.answer(number, b"half", end=False)
    bench.give(ResponseProtocolError(number, "late", code))

    found = bench.peer.receive_data(bench.said())
    assert _resets(found) == ([] if reset is None else [(number, reset)])
    heads = [list(each.headers or ()) for each in found if isinstance(each, h2_events.ResponseReceived)]
    assert [str(head[0][1]) for head in heads] == (["200"] if begun else ["504"] if reset is None else [])


def test_an_answer_that_is_whole_ends_a_stream_that_still_sends() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    bench.answer(number, b"enough")

    found = bench.peer.receive_data(bench.said())
    assert _resets(found) == [(number, ErrorCodes.NO_ERROR)]


def test_trailers_go_out_behind_the_body() -> None:
    bench = Bench()
    number = bench.ask()
    bench.answer(number, b"x", end=False)
    bench.give(ResponseTrailers(number, Headers(((b"Grpc-Status", b"0"),))))
    bench.give(ResponseEndOfMessage(number))

    found = bench.peer.receive_data(bench.said())
    trailers = [list(each.headers or ()) for each in found if isinstance(each, h2_events.TrailersReceived)]
    assert [[str(value) for pair in each for value in pair] for each in trailers] == [["grpc-status", "0"]]


def test_a_client_that_goes_breaks_every_stream() -> None:
    bench = Bench()
    bench.ask()
    bench.ask()
    bench.asked.clear()
    bench.give(events.ConnectionClosed(bench.session.conn))

    assert bench.received() == [RequestProtocolError] * 2
