"""A tunnel needs no layer until somebody has to look into it, and is as safe without one."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from addons.connections.bounds import Bounds, Patience
from addons.connections.handler import GatewayHandler
from addons.tunnels.spliced import Spliced
from addons.tunnels.straight import ESTABLISHED, Entering, usual_connect
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, client, hello_bytes, read_all, read_head, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOST = "origin.example"
SPLICED = """
tls:
  inspect: all
  splice: [{id: unread, reason: tests look at what is passed on unread, when: {host: {is: [origin.example]}}}]
"""


def head(*fields: bytes, line: bytes = b"CONNECT a.example:443 HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: a.example:443", *fields, b"", b""])


@pytest.mark.parametrize("fields", [(), (b"User-Agent: x", b"Proxy-Connection: close"), (b"Connection: Keep-Alive",)])
def test_a_connect_like_most_is_read_at_once(fields: tuple[bytes, ...]) -> None:
    request = usual_connect(head(*fields), 4096)

    assert request is not None
    assert (request.method, request.authority, len(request.headers.fields)) == (
        "CONNECT",
        "a.example:443",
        1 + len(fields),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        head()[:-1],
        head() + b"\x16\x03\x01",
        b"\r\n" + head(),
        head(line=b"GET http://a.example/ HTTP/1.1"),
        head(line=b"connect a.example:443 HTTP/1.1"),
        head(line=b"CONNECT a.example:443 HTTP/1.0"),
        head(line=b"CONNECT  a.example:443 HTTP/1.1"),
        head(line=b"CONNECT a.example HTTP/1.1"),
        head(b"Content-Length: 0"),
        head(b"Transfer-Encoding: chunked"),
        head(b"Expect: 100-continue"),
        head(b"Upgrade: h2c"),
        head(b"Connection: close"),
        head(b"a b: c"),
        head(b"Name : c"),
        head(b"X: a\x0bb"),
        head(b"X: a\nY: b"),
        head(b"X: " + b"x" * 4096),
    ],
)
def test_what_is_wrong_or_unusual_is_left_to_whoever_knows_all_cases(data: bytes) -> None:
    assert usual_connect(data, 4096) is None


class Gate:
    """An addon in front of the others that holds a hook for as long as a test likes, or breaks it."""

    def __init__(self, place: str, error: Exception | None = None) -> None:
        setattr(self, place, self._ask)
        self._error = error
        self.asked, self.cancelled = 0, 0

    async def _ask(self, _subject: Any) -> None:
        self.asked += 1
        if self._error is not None:
            raise self._error
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@contextmanager
def scene(folder: Path, *first: object, **changed: Any) -> Iterator[tuple[Running, Origin]]:
    with origins.origin() as origin:
        origin.serve = lambda connection, _visit: connection.sendall(connection.recv(4096))
        scenery = replace(Scenery(folder=folder, origin=origin.port, policy=SPLICED, first=first), **changed)
        with serving(scenery) as gateway:
            yield gateway, origin
            until(lambda: gateway.call(lambda: len(gateway.engine.served)) == 0, "somebody was left over")
            assert gateway.call(lambda: len(gateway.engine.connections)) == 0


@contextmanager
def entered(gateway: Running, port: int) -> Iterator[socket.socket]:
    with client(gateway.forward) as connection:
        connection.sendall(f"CONNECT {HOST}:{port} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        assert read_head(connection) == ESTABLISHED
        yield connection


def kinds(gateway: Running) -> list[type]:
    return gateway.call(lambda: [type(each) for each in gateway.engine.served])


def told(gateway: Running) -> list[dict[str, Any]]:
    """The decisions on record."""
    return [each for each in gateway.records() if each["event"] == "decision"]


def test_a_tunnel_that_is_passed_on_unread_never_has_a_handler(tmp_path: Path) -> None:
    hello = hello_bytes(HOST)
    with scene(tmp_path) as (gateway, origin), entered(gateway, origin.port) as connection:
        assert kinds(gateway) == [Entering]
        connection.sendall(hello)
        assert connection.recv(4096) == hello
        assert kinds(gateway) == [Spliced]
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b""

    (decision,) = told(gateway)
    assert (decision["decision"]["verdict"], decision["decision"]["reason"]) == ("allow", "allowed-by-default")
    (end,) = [each for each in gateway.records() if each["event"] == "end"]
    assert (end["status"], end["bytes"]) == (200, {"up": len(hello), "down": len(hello)})


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"CONNECT a", b"\x16\x03"])
def test_what_comes_in_pieces_is_handed_to_a_handler(tmp_path: Path, first: bytes) -> None:
    with scene(tmp_path) as (gateway, _), client(gateway.forward) as connection:
        until(lambda: kinds(gateway) == [Entering], "nobody waited for a word")
        connection.sendall(first)
        until(lambda: kinds(gateway) == [GatewayHandler] or not kinds(gateway), "no handler took over")


@pytest.mark.parametrize(("asks", "reason"), [(False, None), (True, "head-timeout")])
def test_silence_is_ended_in_time(tmp_path: Path, *, asks: bool, reason: str | None) -> None:
    bounds = Bounds(patience=Patience(idle=0.1, handshake=0.1))
    with scene(tmp_path, bounds=bounds) as (gateway, origin):
        if asks:
            with entered(gateway, origin.port) as connection:
                assert read_all(connection) == b""
        else:
            with client(gateway.forward) as connection:
                assert read_all(connection) == b""

    assert [each["decision"]["reason"] for each in told(gateway)] == ([] if reason is None else [reason])
    assert origin.visits == []


def test_draining_ends_who_has_not_said_what_it_wants(tmp_path: Path) -> None:
    with scene(tmp_path) as (gateway, origin), entered(gateway, origin.port) as connection:
        (waiting,) = gateway.call(lambda: list(gateway.engine.served))
        gateway.call(waiting.drain)
        assert read_all(connection) == b""

    (decision,) = told(gateway)
    assert (decision["decision"]["verdict"], decision["decision"]["reason"]) == ("deny", "protocol-refused")
    assert origin.visits == []


@pytest.mark.parametrize("place", ["http_connect", "tunnel_hello", "server_connect"])
def test_a_hook_that_waits_ends_with_its_connection(tmp_path: Path, place: str) -> None:
    gate = Gate(place)
    with scene(tmp_path, gate) as (gateway, origin), client(gateway.forward) as connection:
        connection.sendall(f"CONNECT {HOST}:{origin.port} HTTP/1.1\r\nHost: {HOST}:{origin.port}\r\n\r\n".encode())
        if place != "http_connect":
            assert read_head(connection) == ESTABLISHED
            connection.sendall(hello_bytes(HOST))
        until(lambda: gate.asked == 1, "the hook was not asked")
        (waiting,) = gateway.call(lambda: list(gateway.engine.served))
        gateway.call(waiting.abort)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    assert (gate.asked, gate.cancelled) == (1, 1)
    assert origin.visits == []


@pytest.mark.parametrize("place", ["client_connected", "http_connect", "tunnel_hello", "server_connect"])
def test_a_hook_that_fails_lets_nothing_through(tmp_path: Path, place: str) -> None:
    gate = Gate(place, RuntimeError("broken"))
    with scene(tmp_path, gate) as (gateway, origin), client(gateway.forward) as connection:
        connection.sendall(f"CONNECT {HOST}:{origin.port} HTTP/1.1\r\nHost: {HOST}:{origin.port}\r\n\r\n".encode())
        if place == "http_connect":
            assert status_of(read_head(connection)) == 500
        elif place != "client_connected":
            assert read_head(connection) == ESTABLISHED
            connection.sendall(hello_bytes(HOST))
        until(lambda: not kinds(gateway), "the connection was not ended")

    reasons = {each["decision"]["reason"] for each in told(gateway)}
    assert (gate.asked, origin.visits) == (1, [])
    assert reasons == {"internal-error"} or (place, reasons) == ("server_connect", {"allowed-by-default"})


def test_a_destination_that_nobody_listens_at_ends_the_tunnel_and_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        scene(tmp_path, more_ports=(port,)) as (gateway, _),
        entered(gateway, port) as connection,
    ):
        connection.sendall(hello_bytes(HOST))
        assert read_all(connection) == b""

    (end,) = [each for each in gateway.records() if each["event"] == "end"]
    assert end["reason"] == "upstream-refused"
