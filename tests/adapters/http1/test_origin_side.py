"""Answers of origins on the wire, and requests to them in the version that the gateway speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.origin import HELLO, ask, client, read_all, read_answer, read_head, status_of

if TYPE_CHECKING:
    from tests.e2e.gateways import Wire

HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def test_trailers_of_an_answer_that_nobody_wants_are_dropped(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin
    origin.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"

    with client(gateway.reverse) as connection:
        connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        answer = read_all(connection)

    assert answer.endswith(b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("passed", "interim"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", b"103 Early Hints\r\nLink: </a.css>\r\n\r\n"),
        (b"", b"100 Continue\r\n\r\n"),
        (b"HTTP/1.1 199 \r\n\r\n", b"199 X\r\n\r\n"),
    ],
)
def test_interim_answers_pass_and_the_final_one_is_found(passed: bytes, interim: bytes, wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin
    origin.answer = (b"HTTP/1.1 " + interim) * 2 + HELLO

    with client(gateway.reverse) as connection:
        for _ in range(2):
            connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
            if passed:
                assert [read_head(connection) for _ in range(2)] == [passed] * 2
            assert status_of(read_answer(connection)) == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nother bytes",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nother bytes",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_an_answer_that_switches_unasked_or_hides_a_control_is_none(answer: bytes, wire: Wire) -> None:
    wire.origin.answer = answer

    said = ask(wire.gateway.reverse, b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")

    assert status_of(said) == 502
    assert b"other bytes" not in said


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
def test_a_request_of_http_1_0_goes_on_as_one_of_http_1_1(method: bytes, wire: Wire) -> None:
    body = b"Content-Length: 2\r\n\r\nab" if method == b"POST" else b"\r\n"

    with client(wire.gateway.reverse) as connection:
        connection.sendall(method + b" /in HTTP/1.0\r\n" + HOST + body)
        answer = read_all(connection)

    assert status_of(answer) == 200
    assert wire.origin.received.startswith(method + b" /in HTTP/1.1\r\n" + HOST)
    assert b"\r\nVia: 1.0 " in wire.origin.received


def test_connections_to_an_origin_are_kept_for_clients_of_http_1_0_too(wire: Wire) -> None:
    with client(wire.gateway.reverse) as connection:
        for _ in range(3):
            connection.sendall(b"GET /in HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST + b"\r\n")
            answer = read_answer(connection)
            assert b"\r\nConnection: keep-alive\r\n" in answer
            assert answer.endswith(b"hello")

    assert len(wire.origin.visits) == 1
