"""Nothing is left of connections that are over, and bodies pass without being gathered: counted, not timed."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.flow import Flow
from mitmproxy.proxy.layer import Layer
from OpenSSL import SSL

from addons.connections.handler import GatewayHandler
from addons.judging.exchange import ConnectionState, Exchange
from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Visit, origin, read_head
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

SPLICED: Final = "tls: {inspect: all, splice: [{id: unread, reason: Agreed, when: {host: {is: [other.example]}}}]}"
WATCHED: Final = (Connection, Flow, Layer, SSL.Connection, SSL.Session, ConnectionState, Exchange, GatewayHandler)
PIECE: Final = bytes(65536)
PIECES: Final = 1024
ALL: Final = PIECES * len(PIECE)
"""64 MB."""


class Bulk:
    """An origin that sends or takes large bodies, piece by piece."""

    def __init__(self) -> None:
        self.taken = 0
        self.sent = 0
        self.may_take = threading.Event()
        self.may_take.set()

    def serve(self, connection: socket.socket, _visit: Visit) -> None:
        while head := read_head(connection):
            size = 0
            if head.startswith(b"PUT "):
                self._take(connection, ALL)
            elif b" /large " in head:
                size = ALL
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(PIECE)):
                connection.sendall(PIECE)
                self.sent += len(PIECE)

    def _take(self, connection: socket.socket, size: int) -> None:
        while self.taken < size:
            assert self.may_take.wait(PATIENCE)
            got = len(connection.recv(65536))
            assert got
            self.taken += got


class Place:
    """A gateway, and the ways through it."""

    def __init__(self, gateway: Running, bulk: Bulk, port: int) -> None:
        self.gateway, self.bulk, self.port = gateway, bulk, port
        folder = gateway.folder
        self.trusted = {
            "inspected": ssl.create_default_context(cafile=folder / "state" / "ca" / "ca.pem"),
            "spliced": ssl.create_default_context(cafile=folder / "root.pem"),
        }

    @contextmanager
    def through(self, way: str) -> Iterator[Wire]:
        host = "other.example" if way == "spliced" else "origin.example"
        name = f"{host}:{self.port}"
        with connect(self.gateway.forward) as wire:
            if way == "plain":
                yield wire
                return
            wire.send(get(name, name, method="CONNECT"))
            assert wire.interim() == 200
            with self.trusted[way].wrap_socket(wire.socket, server_hostname=host) as inside:
                yield Wire(inside)

    def request(self, way: str, path: str, *fields: str, method: str = "GET") -> bytes:
        name = f"{'other' if way == 'spliced' else 'origin'}.example:{self.port}"
        return get(f"http://{name}{path}" if way == "plain" else path, name, *fields, method=method)

    def counted(self) -> Counter[str]:
        """What is alive of that of which nothing may stay, when no connection stands."""
        until(partial(_is_idle, self.gateway), "connections stand")
        return self.gateway.call(_count)


def _is_idle(gateway: Running) -> bool:
    return len(gateway.engine.connections) == 0 and len(gateway.engine.served) == 0


def _count() -> Counter[str]:
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, WATCHED))


@contextmanager
def running(folder: Path, *, secure: bool) -> Iterator[Place]:
    root, bulk = authority(), Bulk()
    (folder / "root.pem").write_bytes(root.pem)
    tls = root.signs(Wish(names=("origin.example", "other.example"))).served(folder) if secure else None
    with origin(serve=bulk.serve, tls=tls) as served:
        scenery = Scenery(folder=folder, origin=served.port, trust=folder / "root.pem", policy=SPLICED)
        with serving(scenery) as gateway:
            yield Place(gateway, bulk, served.port)


@pytest.mark.parametrize("way", ["plain", "spliced", "inspected"])
def test_nothing_is_left_of_connections_that_are_over(way: str, tmp_path: Path) -> None:
    with running(tmp_path, secure=way != "plain") as place:
        counts = []
        for connections in (5, 30):
            for _ in range(connections):
                with place.through(way) as wire:
                    assert wire.ask(place.request(way, "/")).status == 200
            counts.append(place.counted())

    assert counts[1] - counts[0] == Counter()


@pytest.mark.parametrize("way", ["plain", "inspected"])
def test_a_client_that_does_not_read_holds_the_origin_back(way: str, tmp_path: Path) -> None:
    with running(tmp_path, secure=way != "plain") as place, place.through(way) as wire:
        wire.send(place.request(way, "/large"))
        assert wire.interim() == 200
        until(partial(place.gateway.call, partial(is_held, place.gateway, Server)), "the origin is read on")
        assert place.bulk.sent < ALL // 2
        got = len(wire.buffer)
        while got < ALL:
            got += len(wire.socket.recv(262144))

    assert (got, place.bulk.sent) == (ALL, ALL)


@pytest.mark.parametrize("way", ["plain", "inspected"])
def test_an_origin_that_does_not_read_holds_the_client_back(way: str, tmp_path: Path) -> None:
    with running(tmp_path, secure=way != "plain") as place, place.through(way) as wire:
        place.bulk.may_take.clear()
        sent = [0]
        request = place.request(way, "/", f"Content-Length: {ALL}", method="PUT")
        sending = threading.Thread(target=_send, args=(wire, request, sent))
        sending.start()
        until(partial(place.gateway.call, partial(is_held, place.gateway, Client)), "the client is read on")
        assert sent[0] < ALL // 2
        place.bulk.may_take.set()
        sending.join(PATIENCE)
        assert wire.answer().status == 200

    assert (sent[0], place.bulk.taken) == (ALL, ALL)


def _send(wire: Wire, request: bytes, sent: list[int]) -> None:
    wire.send(request)
    for _ in range(PIECES):
        wire.send(PIECE)
        sent[0] += len(PIECE)


def is_held(gateway: Running, side: type[Connection]) -> bool:
    """Whether the gateway has stopped reading from this side."""
    found = [
        io.writer.transport
        for handler in gateway.engine.served
        if isinstance(handler, GatewayHandler)
        for connection, io in handler.transports.items()
        if isinstance(connection, side) and isinstance(io.writer, asyncio.StreamWriter)
    ]
    return any(isinstance(each, asyncio.ReadTransport) and not each.is_reading() for each in found)
