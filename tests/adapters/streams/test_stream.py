"""One request and its answer: refused at once, streamed within bounds, broken in the words of the gateway."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.gateways import Scenery, Wire, serving
from tests.e2e.origin import Visit, ask, client, read_all, read_answer, read_head, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def test_a_refused_upload_is_answered_at_once_and_not_one_byte_of_it_is_forwarded(
    wire: Wire,
) -> None:
    gateway, origin = wire.gateway, wire.origin
    head = b"POST /refused HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n"

    with client(gateway.reverse) as connection:
        connection.sendall(head + b"x" * 1000)
        answer = read_answer(connection)
        closed = read_all(connection)

    assert status_of(answer) == 403
    assert b"\r\nConnection: close\r\n" in answer
    assert closed == b""
    assert origin.visits == []


def test_a_client_that_writes_on_after_a_refusal_still_gets_to_read_it(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin
    head = b"POST /refused HTTP/1.1\r\n" + HOST + b"Content-Length: 800000\r\n\r\n"

    with client(gateway.reverse) as connection:
        connection.sendall(head)
        with suppress(OSError):
            connection.sendall(b"x" * 800_000)
        answer = read_answer(connection)

    assert status_of(answer) == 403
    assert origin.visits == []


def test_a_refused_request_is_not_asked_for_its_body(wire: Wire) -> None:
    gateway = wire.gateway
    head = b"POST /refused HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"

    assert status_of(ask(gateway.reverse, head)) == 403


def test_an_admitted_request_is_asked_for_its_body(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin

    with client(gateway.reverse) as connection:
        connection.sendall(b"POST /in HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        go_on = read_head(connection)
        connection.sendall(b"abcde")
        answer = read_answer(connection)

    assert status_of(go_on) == 100
    assert status_of(answer) == 200
    assert origin.received.endswith(b"\r\n\r\nabcde")
    assert b"100-continue" not in origin.received


def test_a_refused_request_without_a_body_leaves_the_connection_open(wire: Wire) -> None:
    gateway = wire.gateway

    with client(gateway.reverse) as connection:
        for path, wanted in ((b"/refused", 403), (b"/in", 200), (b"/refused", 403), (b"/in", 200)):
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            assert status_of(read_answer(connection)) == wanted


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("a switch that nobody asked for", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
        ("interim answers without an end", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        ("a head without an end", b"HTTP/1.1 200 OK\r\n" + b"X-Fill: ffffffff\r\n" * 10_000),
        ("no HTTP", b"SSH-2.0-OpenSSH\r\n\r\n"),
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("a length and chunks", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_502(why: str, answer: bytes, wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin
    origin.answer = answer

    said = ask(gateway.reverse, b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")

    assert (502, why) == (status_of(said), why)
    assert b"upstream-broken" in said
    assert b"mitmproxy" not in said.lower()


def _close_at_once(connection: socket.socket, visit: Visit) -> None:
    origins.read_request(connection, visit)


def _say_nothing(connection: socket.socket, visit: Visit) -> None:
    origins.read_request(connection, visit)
    connection.recv(1)


@pytest.mark.parametrize(
    ("wanted", "reason", "serve"),
    [(502, b"upstream-broken", _close_at_once), (504, b"upstream-timeout", _say_nothing)],
)
def test_an_upstream_that_gives_no_answer_is_told_from_a_slow_one(
    wanted: int, reason: bytes, serve: Callable[[socket.socket, Visit], None], wire: Wire
) -> None:
    gateway, origin = wire.gateway, wire.origin
    origin.serve = serve

    said = ask(gateway.reverse, b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")

    assert wanted == status_of(said)
    assert reason in said


def test_a_body_that_crosses_a_bound_is_cut_on_both_sides(tmp_path: Path) -> None:
    with origins.origin() as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, limits=LimitSettings(body=100_000))
        with serving(scenery) as gateway, client(gateway.reverse) as connection:
            connection.sendall(b"POST /in HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
            with suppress(OSError):
                for _ in range(40):
                    connection.sendall(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            answer = read_answer(connection)

        assert status_of(answer) == 413
        assert b"body-too-large" in answer
        assert all(visit.closed.wait(5) for visit in origin.visits)
    assert len(origin.received) < 110_000
    assert not origin.received.endswith(b"0\r\n\r\n")
