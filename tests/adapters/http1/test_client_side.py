"""Heads and chunks of clients on the wire, within bounds and never left hanging."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.e2e.origin import ask, client, read_all, read_answer, status_of

if TYPE_CHECKING:
    from tests.e2e.gateways import Wire

HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def test_requests_sent_ahead_are_answered_in_their_order(wire: Wire) -> None:
    gateway = wire.gateway
    requests = [
        b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"X-Fill: " + b"f" * 500 + b"\r\n\r\n"
        for path in [b"/in", b"/refused"] * 60
    ]

    with client(gateway.reverse) as connection:
        threading.Thread(target=connection.sendall, args=(b"".join(requests),)).start()
        answers = [status_of(read_answer(connection)) for _ in requests]

    assert answers == [200, 403] * 60


def test_chunks_keep_their_framing_and_their_trailers_and_lose_extensions(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin
    head = b"POST /in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"

    answer = ask(gateway.reverse, head + b"5;x=y\r\nabcde\r\n0\r\nX-Trailer: 1\r\n\r\n")

    assert status_of(answer) == 200
    assert origin.received.endswith(b"\r\n\r\n5\r\nabcde\r\n0\r\nx-trailer: 1\r\n\r\n")


@pytest.mark.parametrize(
    ("wanted", "why", "head"),
    [
        (431, "a line too long", b"GET /" + b"a" * 9000),
        (431, "a head too large", b"GET /in HTTP/1.1\r\n" + HOST + b"X-Fill: ffffffff\r\n" * 600 + b"\r\n"),
        (431, "a head without an end", b"GET /in HTTP/1.1\r\n" + b"X-Fill: ffffffff\r\n" * 600),
        (400, "no request line", b"hello\r\n\r\n"),
        (400, "an empty field name", b"GET / HTTP/1.1\r\n" + HOST + b": x\r\n\r\n"),
        (
            400,
            "two framings",
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ),
        (400, "a length that is none", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc"),
        (400, "HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (400, "SOCKS 5", b"\x05\x01\x00"),
        (400, "SOCKS 4", b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"),
        (400, "TLS", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        (408, "a head that stops", b"GET /in HTTP/1.1\r\n" + HOST),
        (200, "an empty line before the request", b"\r\n\r\nGET /in HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
)
def test_heads_are_bounded_and_what_is_no_head_is_answered(wanted: int, why: str, head: bytes, wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin

    answer = ask(gateway.reverse, head)

    assert (wanted, why) == (status_of(answer), why)
    assert (wanted != 200) is (origin.visits == [])
    assert (wanted != 200) is (b"Wicketgate-Decision: " in answer)


def test_slow_bytes_do_not_renew_the_deadline_of_a_head(wire: Wire) -> None:
    gateway = wire.gateway
    begun = time.monotonic()

    with client(gateway.reverse) as connection:
        connection.settimeout(0.02)
        answer = b""
        while not answer and time.monotonic() - begun < 5:
            connection.sendall(b"G")
            with suppress(TimeoutError):
                answer = connection.recv(65536)

    assert status_of(answer) == 408
    assert time.monotonic() - begun < 2


def test_a_broken_chunk_ends_the_exchange_on_both_sides(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin

    with client(gateway.reverse) as connection:
        connection.sendall(b"POST /in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nXYZ\r\n")
        answer = read_all(connection)

    assert status_of(answer) in {0, 400}
    assert all(visit.closed.wait(5) for visit in origin.visits)
    assert b"\r\n0\r\n\r\n" not in origin.received


@pytest.mark.parametrize(
    "chunks",
    [
        b"10000000000000000\r\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3;a\0b\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX-A: b\nX-B: c\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX-A : b\r\n\r\n",
    ],
)
def test_chunks_and_trailers_that_two_would_read_in_two_ways_end_the_exchange(chunks: bytes, wire: Wire) -> None:
    behind = b"GET /behind HTTP/1.1\r\n" + HOST + b"\r\n"

    with client(wire.gateway.reverse) as connection:
        connection.sendall(b"POST /in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + behind)
        answer = read_all(connection)

    assert status_of(answer) in {0, 400}
    assert all(visit.closed.wait(5) for visit in wire.origin.visits)
    assert b"/behind" not in wire.origin.received


@pytest.mark.parametrize("head", [b"GET /in HTTP/1.1\n" + HOST + b"\r\n", b"GET /in HTTP/1.1\r\n" + HOST + b"\n"])
def test_a_head_whose_lines_end_in_a_lone_line_feed_is_none(head: bytes, wire: Wire) -> None:
    assert status_of(ask(wire.gateway.reverse, head)) == 400
    assert wire.origin.visits == []
