"""Server-sent events pass one by one: the second is sent only when the client has said that it has the first."""

from __future__ import annotations

import queue
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import PATIENCE
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Visit, origin, read_request
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

EVENTS: Final = 20
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"


class Source:
    """An origin that sends an event whenever it is told that the one before was seen."""

    def __init__(self, *, chunked: bool) -> None:
        self.seen: queue.Queue[int] = queue.Queue()
        self.chunked = chunked

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.sendall(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if self.chunked else b"\r\n"))
        for number in range(EVENTS):
            assert self.seen.get(timeout=PATIENCE) == number
            connection.sendall(self.framed(event(number)))
        if self.chunked:
            connection.sendall(b"0\r\n\r\n")

    def framed(self, data: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data


def event(number: int) -> bytes:
    return b"id: %d\ndata: tick\n\n" % number


def watch(wire: Wire, request: bytes, source: Source) -> bytes:
    """Ask for the stream, and confirm every event when it has come; gives everything behind the head."""
    wire.send(request)
    assert wire.interim() == 200
    received = bytearray()
    for number in range(EVENTS):
        source.seen.put(number)
        while event(number) not in received:
            received += wire.socket.recv(65536)
    return bytes(received) + wire.rest()


@contextmanager
def running(folder: Path, source: Source, *, secure: bool) -> Iterator[tuple[Running, int]]:
    root = authority()
    (folder / "root.pem").write_bytes(root.pem)
    tls = root.signs(Wish(names=("origin.example",))).served(folder) if secure else None
    with origin(serve=source.serve, tls=tls) as served:
        scenery = Scenery(folder=folder, origin=served.port, trust=folder / "root.pem")
        with serving(scenery) as gateway:
            yield gateway, served.port


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until it closes"])
@pytest.mark.parametrize("way", ["forward", "reverse"])
def test_events_pass_one_by_one(way: str, tmp_path: Path, *, chunked: bool) -> None:
    source = Source(chunked=chunked)
    with running(tmp_path, source, secure=False) as (gateway, port):
        host = f"origin.example:{port}" if way == "forward" else "shop.example"
        target = f"http://{host}/events" if way == "forward" else "/events"
        with connect(gateway.forward if way == "forward" else gateway.reverse) as wire:
            received = watch(wire, get(target, host, "Connection: close"), source)

    assert [event(number) in received for number in range(EVENTS)] == [True] * EVENTS


@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until it closes"])
def test_events_pass_one_by_one_through_inspected_tls(tmp_path: Path, *, chunked: bool) -> None:
    source = Source(chunked=chunked)
    with running(tmp_path, source, secure=True) as (gateway, port), connect(gateway.forward) as tunnel:
        name = f"origin.example:{port}"
        tunnel.send(get(name, name, method="CONNECT"))
        assert tunnel.interim() == 200
        trusting = ssl.create_default_context(cafile=tmp_path / "state" / "ca" / "ca.pem")
        with trusting.wrap_socket(tunnel.socket, server_hostname="origin.example") as inside:
            received = watch(Wire(inside), get("/events", name, "Connection: close"), source)

    assert [event(number) in received for number in range(EVENTS)] == [True] * EVENTS
