"""The side towards an origin that takes a request at a time, between two exchanges and within one."""

from __future__ import annotations

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.http import Response
from mitmproxy.options import Options
from mitmproxy.proxy.context import Context

from addons.connections.bounds import Bounds
from addons.http1.arriving import Stated
from addons.http1.quick_origin import QuickOriginSide
from tests.adapters.requests import request_of


def idle_side() -> QuickOriginSide:
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0)
    side = QuickOriginSide(Context(client, Options()), Bounds(), None, lambda _: None)
    side.conn.state = ConnectionState.OPEN
    side.state = side.read_headers
    return side


def test_a_whole_request_begins_an_exchange_and_its_answer_ends_it() -> None:
    side = idle_side()

    head = side.begin(1, request_of("GET / HTTP/1.1\r\nHost: a.example"))
    assert head.startswith(b"GET / HTTP/1.1\r\n")
    assert (side.request_done, side.is_idle) == (True, False)

    side.end()
    assert side.is_idle


def test_a_body_that_is_not_whole_is_read_on_and_its_connection_is_not_free() -> None:
    side = idle_side()
    side.begin(1, request_of("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5"), is_whole=False)
    assert side.request_done is False

    side.begin_body(Response.make(200), 5)
    assert isinstance(side.body_reader, Stated)
    assert (side.body_reader.left, side.state == side.read_body, side.is_idle) == (5, True, False)
