"""What a connection may hold in memory, and how long it may be silent."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import pytest

from addons.connections.handler import GatewayHandler
from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.gateways import Scenery, Wire, serving
from tests.e2e.origin import HELLO, Visit, client, read_all, read_answer, read_head, status_of

if TYPE_CHECKING:
    import socket
    from pathlib import Path

MIB = 1024 * 1024
HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def _swallow(connection: socket.socket, visit: Visit) -> None:
    """Read a body of any size without keeping it."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    rest = length - len(head.partition(b"\r\n\r\n")[2])
    time.sleep(0.2)
    while rest > 0:
        rest -= len(connection.recv(MIB))
    visit.data += b"swallowed %d" % length
    connection.sendall(HELLO)


def test_a_large_upload_passes_without_being_gathered(tmp_path: Path) -> None:
    size = 96 * MIB
    with origins.origin(serve=_swallow) as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, limits=LimitSettings(body=size))
        with serving(scenery) as gateway, client(gateway.reverse) as connection:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            connection.sendall(b"POST /in HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
            piece = b"x" * MIB
            for _ in range(size // MIB):
                connection.sendall(piece)
            assert status_of(read_answer(connection)) == 200
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024

    assert origin.received == b"swallowed %d" % size
    assert grown < 32, f"{grown} MiB more in use"


def test_a_large_answer_waits_for_a_client_that_reads_slowly(tmp_path: Path) -> None:
    size = 64 * MIB

    def pour(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = b"y" * MIB
        for _ in range(size // MIB):
            connection.sendall(piece)

    with origins.origin(serve=pour) as origin, serving(Scenery(folder=tmp_path, origin=origin.port)) as gateway:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with client(gateway.reverse) as connection:
            connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
            assert status_of(read_head(connection)) == 200
            time.sleep(0.5)
            rest = size
            while rest > 0:
                rest -= len(connection.recv(MIB))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024

    assert grown < 32, f"{grown} MiB more in use"


def test_an_idle_connection_is_closed_in_peace(wire: Wire) -> None:
    gateway = wire.gateway
    begun = time.monotonic()

    with client(gateway.reverse) as connection:
        connection.settimeout(8)
        connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
        assert status_of(read_answer(connection)) == 200
        assert read_all(connection) == b""

    assert 2 < time.monotonic() - begun < 6


def test_a_client_that_visits_many_names_behind_one_address_is_served_and_keeps_few_connections(wire: Wire) -> None:
    port = wire.origin.port

    with client(wire.gateway.forward) as connection:
        for number in range(12):
            host = f"n{number}.many.example:{port}"
            connection.sendall(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert status_of(read_answer(connection)) == 200
        (handler,) = wire.gateway.call(lambda: list(wire.gateway.engine.served))
        assert isinstance(handler, GatewayHandler)
        kept = wire.gateway.call(lambda: len(handler.transports))

    assert len(wire.origin.visits) == 12
    assert kept <= 1 + 5
