from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame
from mitmproxy.connection import Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestData, RequestEndOfMessage, ResponseProtocolError

from addons.connections.bounds import Bounds
from addons.http2.frames import Kind
from addons.http2.origin_side import OriginSession
from addons.http2.session import Windows
from addons.http2.taps import Taps
from addons.serving.options import LayerOptions, for_layers
from tests.adapters.http2.test_client_side import Bench
from tests.e2e.h2wire import quiet

FLOW_CONTROL = b"\x00\x00\x00\x03"
"""The code of that error, as a GOAWAY says it."""


def _kinds(data: bytes) -> list[Kind]:
    found = []
    while data:
        found.append(Kind(data[3]))
        data = data[9 + int.from_bytes(data[:3]) :]
    return found


def test_what_a_peer_may_send_ahead_is_bounded() -> None:
    windows = Windows()

    assert windows.stream * 2 <= windows.connection <= 8 * 1024 * 1024
    assert windows.streams == 100


def test_a_session_begins_with_what_it_takes() -> None:
    bench = Bench()
    peer = bench.peer
    peer.receive_data(bench.said())

    assert peer.remote_settings.initial_window_size == Windows().stream
    assert peer.outbound_flow_control_window == Windows().connection


def test_a_connection_error_says_goodbye_and_ends() -> None:
    bench = Bench()
    bench.said()
    bench.give(events.DataReceived(bench.session.conn, b"\x00\x00\x00\x08\x00\x00\x00\x00\x00"))
    (hook,) = bench.seen(commands.StartHook)
    bench.give(events.HookCompleted(hook))

    closing = bench.seen(commands.CloseConnection)
    assert _kinds(bench.said())[-1] is Kind.GOAWAY
    assert len(closing) == 1
    assert bench.session.is_over


def test_a_session_that_is_over_hears_and_says_nothing() -> None:
    bench = Bench()
    bench.give(events.ConnectionClosed(bench.session.conn))
    bench.asked.clear()
    bench.ask()

    assert bench.asked == []


def test_a_peer_that_leaves_is_let_finish() -> None:
    bench = Bench()
    number = bench.ask()
    bench.give(events.DataReceived(bench.session.conn, b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8)))
    assert bench.seen(commands.CloseConnection) == []
    bench.answer(number)

    assert len(bench.seen(commands.CloseConnection)) == 1


def test_padding_counts_for_the_window_and_not_for_the_body() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    bench.peer.send_data(number, b"abc", pad_length=100)
    bench.hear()

    pieces = [each.event for each in bench.asked if isinstance(each, ReceiveHttp)]
    assert [each.data for each in pieces if isinstance(each, RequestData)] == [b"abc"]


def test_pieces_that_come_at_once_pass_at_once_and_count_for_the_window() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    before = bench.session.h2.remote_flow_control_window(number)
    bench.peer.send_data(number, b"a" * 1000)
    bench.peer.send_data(number, b"b" * 1000, end_stream=True)
    bench.hear()

    pieces = [each.event for each in bench.asked if isinstance(each, ReceiveHttp)]
    assert [each.data for each in pieces if isinstance(each, RequestData)] == [b"a" * 1000 + b"b" * 1000]
    assert sum(isinstance(each, RequestEndOfMessage) for each in pieces) == 1
    assert before - bench.session.h2.remote_flow_control_window(number) in {0, 2000}


def test_more_than_the_window_holds_ends_the_connection_with_the_code_for_it() -> None:
    bench = Bench()
    number = bench.ask(end=False)
    piece = DataFrame(number, b"x" * 16_384).serialize()
    bench.said()
    bench.give(events.DataReceived(bench.session.conn, piece * (Windows().stream // 16_384 + 1)))
    (hook,) = bench.seen(commands.StartHook)
    bench.give(events.HookCompleted(hook))

    assert bench.session.is_over
    assert FLOW_CONTROL in bench.said()


@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.ENHANCE_YOUR_CALM])
def test_an_origin_that_leaves_takes_no_more(code: ErrorCodes) -> None:
    server = Server(address=("site.example", 443))
    context = Context(Bench().session.context.client, for_layers(LayerOptions()))
    context.server = server
    server.state = context.client.state
    session = OriginSession(context, Bounds(), Taps())
    list(session.handle_event(events.Start()))
    peer = quiet(client_side=False)
    peer.initiate_connection()
    list(session.handle_event(events.DataReceived(server, peer.data_to_send())))
    assert (session.is_settled, session.has_room, session.is_idle) == (True, True, True)
    leaving = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(4) + int(code).to_bytes(4)
    asked = list(session.handle_event(events.DataReceived(server, leaving)))

    assert not session.has_room
    assert [type(each) for each in asked] == [commands.CloseConnection]
    assert not any(isinstance(each, ReceiveHttp) and isinstance(each.event, ResponseProtocolError) for each in asked)
