"""Tunnels that are passed on unread, over real sockets: nothing is lost, changed, gathered or left over."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from addons.connections.bounds import Bounds, Patience
from addons.tunnels.relay import Relay
from addons.tunnels.spliced import Spliced
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, Visit, client, hello_bytes, read_all, read_head, status_of, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

MIB: Final = 1024 * 1024
HOST: Final = "origin.example"
RESET: Final = struct.pack("ii", 1, 0)
POLICY: Final = """
rules:
  - {id: raw, action: allow, reason: tests speak what they like, when: {protocol: [tcp]}}
tls:
  inspect: all
  splice: [{id: unread, reason: tests look at what is passed on unread, when: {host: {is: [origin.example]}}}]
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with origins.origin() as served:
        yield served


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[Running]:
    scenery = Scenery(folder=tmp_path_factory.mktemp("splicing"), origin=origin.port, policy=POLICY)
    with serving(scenery) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Running, origin: Origin) -> Iterator[Running]:
    """A gateway of which nothing may be left behind a test."""
    origin.visits.clear()
    yield shared
    until(lambda: shared.call(_left_over) == 1, "a task was left over")
    assert shared.call(lambda: (len(shared.engine.served), len(shared.engine.connections))) == (0, 0)


def _left_over() -> int:
    """Tasks beside the one that asks, which is no task of the gateway, and the sweep and the server that stay."""
    return len([task for task in asyncio.all_tasks() if "Front._serve" in repr(task)]) + 1


def ask(port: int) -> bytes:
    return f"CONNECT {HOST}:{port} HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode()


@contextmanager
def tunnel(gateway: Running, port: int, first: bytes = b"\x00ready") -> Iterator[socket.socket]:
    """A tunnel whose sockets a relay has already, with `first` on its way to the origin."""
    with client(gateway.forward, stranger()) as connection:
        connection.sendall(ask(port))
        assert status_of(read_head(connection)) == 200
        connection.sendall(first)
        until(lambda: gateway.call(lambda: _is_spliced(gateway)), "the sockets were not handed over")
        yield connection


def _is_spliced(gateway: Running) -> bool:
    served = list(gateway.engine.served)
    return bool(served) and all(isinstance(each, Spliced) for each in served)


def end_of(gateway: Running, address: str) -> dict[str, Any]:
    """The end of what was let through for the client that came from `address`."""
    ends: list[dict[str, Any]] = []

    def has_ended() -> bool:
        records = gateway.records()
        mine = {each["id"] for each in records if each["event"] == "decision" and each["client"]["ip"] == address}
        ends[:] = [each for each in records if each["event"] == "end" and each["id"] in mine]
        return bool(ends)

    until(has_ended, "the end was not recorded")
    return ends[-1]


def address_of(connection: socket.socket) -> str:
    address: str = connection.getsockname()[0]
    return address


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), MIB))
        assert piece, f"the connection ended after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def test_every_byte_of_both_directions_arrives_and_is_counted(gateway: Running, origin: Origin) -> None:
    up, down = bytes(range(256)) * 4099, bytes(reversed(range(256))) * 8191

    def swap(connection: socket.socket, visit: Visit) -> None:
        sending = threading.Thread(target=connection.sendall, args=(down,))
        sending.start()
        visit.data += read_exactly(connection, len(up) + 1)
        sending.join()

    origin.serve = swap
    with tunnel(gateway, origin.port, b"\x00") as connection:
        address = address_of(connection)
        sending = threading.Thread(target=connection.sendall, args=(up,))
        sending.start()
        assert read_exactly(connection, len(down)) == down
        sending.join()
        assert read_all(connection) == b""

    end = end_of(gateway, address)
    assert origin.received == b"\x00" + up
    assert (end["status"], end["bytes"]) == (200, {"up": 1 + len(up), "down": len(down)})


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_what_comes_together_with_the_hello_is_not_lost(gateway: Running, origin: Origin, cut: int) -> None:
    said = hello_bytes(HOST) + b"and what follows it" * 999
    origin.serve = _hear_all

    with client(gateway.forward, stranger()) as connection:
        address = address_of(connection)
        connection.sendall(ask(origin.port) + said[:cut])
        assert status_of(read_head(connection)) == 200
        connection.sendall(said[cut:])
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"heard"

    end = end_of(gateway, address)
    assert origin.received == said
    assert end["bytes"] == {"up": len(said), "down": len(b"heard")}


def _hear_all(connection: socket.socket, visit: Visit) -> None:
    while piece := connection.recv(MIB):
        visit.data += piece
    connection.sendall(b"heard")


def test_a_client_that_has_said_all_still_hears_everything(gateway: Running, origin: Origin) -> None:
    origin.serve = _hear_all

    with tunnel(gateway, origin.port) as connection:
        address = address_of(connection)
        connection.sendall(b" and done")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"heard"

    assert origin.received == b"\x00ready and done"
    assert end_of(gateway, address)["bytes"] == {"up": 15, "down": 5}


def test_a_server_that_has_said_all_still_hears_everything(gateway: Running, origin: Origin) -> None:
    def say_first(connection: socket.socket, visit: Visit) -> None:
        connection.sendall(b"all that I say")
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(MIB):
            visit.data += piece

    origin.serve = say_first
    with tunnel(gateway, origin.port) as connection:
        address = address_of(connection)
        assert read_all(connection) == b"all that I say"
        connection.sendall(b" " * MIB)
        connection.shutdown(socket.SHUT_WR)
        assert end_of(gateway, address)["bytes"] == {"up": 6 + MIB, "down": 14}

    assert len(origin.received) == 6 + MIB


def test_a_reset_of_the_server_reaches_the_client_as_a_reset(gateway: Running, origin: Origin) -> None:
    def reset(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(MIB)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    origin.serve = reset
    with client(gateway.forward, stranger()) as connection:
        address = address_of(connection)
        connection.sendall(ask(origin.port))
        assert status_of(read_head(connection)) == 200
        connection.sendall(b"\x00ready")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    assert end_of(gateway, address)["bytes"] == {"up": 6, "down": 0}


def test_a_reset_of_the_client_reaches_the_server_as_a_reset(gateway: Running, origin: Origin) -> None:
    heard: list[str] = []

    def wait(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(6)
        try:
            heard.append(str(connection.recv(1)))
        except ConnectionResetError:
            heard.append("reset")

    origin.serve = wait
    with tunnel(gateway, origin.port) as connection:
        address = address_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    assert end_of(gateway, address)["bytes"] == {"up": 6, "down": 0}
    until(lambda: heard == ["reset"], "the server heard of no reset")


@pytest.mark.parametrize("slow", ["client", "server"])
def test_what_a_slow_reader_does_not_take_waits_at_its_sender(gateway: Running, origin: Origin, slow: str) -> None:
    size, begin = 200 * MIB, threading.Event()

    def serve(connection: socket.socket, _visit: Visit) -> None:
        if slow == "client":
            _swallow(connection, 6)
            _pour(connection, size)
        else:
            begin.wait(origins.PATIENCE)
            _swallow(connection, size + 6)

    origin.serve = serve
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tunnel(gateway, origin.port) as connection:
        address = address_of(connection)
        if slow == "client":
            _until_still(gateway)
            _swallow(connection, size)
        else:
            pouring = threading.Thread(target=_pour, args=(connection, size))
            pouring.start()
            _until_still(gateway)
            begin.set()
            pouring.join()
        assert read_all(connection) == b""
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024

    passed = end_of(gateway, address)["bytes"]
    assert passed == ({"up": 6, "down": size} if slow == "client" else {"up": 6 + size, "down": 0})
    assert grown < 24, f"{grown} MiB more in use"


def _pour(connection: socket.socket, size: int) -> None:
    piece = b"x" * MIB
    for _ in range(size // MIB):
        connection.sendall(piece)


def _swallow(connection: socket.socket, size: int) -> None:
    into = bytearray(MIB)
    while size > 0:
        read = connection.recv_into(into, min(size, MIB))
        assert read, f"{size} bytes are missing"
        size -= read


def _until_still(gateway: Running) -> None:
    """Wait until the relay takes nothing more from the side that pours."""
    (each,) = gateway.call(lambda: list(gateway.engine.served))
    assert isinstance(each, Spliced)
    passed = [-2, -1]

    def is_still() -> bool:
        passed.append(gateway.call(lambda: each.passed))
        return passed[-1] == passed[-2] > MIB

    until(is_still, "the tunnel never stopped reading")


def test_a_server_may_speak_first_once_the_client_has_shown_what_it_speaks(gateway: Running, origin: Origin) -> None:
    def greet(connection: socket.socket, visit: Visit) -> None:
        connection.sendall(b"220 at your service\r\n")
        visit.data += connection.recv(MIB)
        connection.sendall(b"250 so be it\r\n")

    origin.serve = greet
    with tunnel(gateway, origin.port, b"\x01") as connection:
        address = address_of(connection)
        assert read_exactly(connection, 21) == b"220 at your service\r\n"
        assert read_all(connection) == b"250 so be it\r\n"

    assert end_of(gateway, address)["bytes"] == {"up": 1, "down": 35}


def test_a_tunnel_that_is_silent_for_too_long_is_closed_and_one_that_speaks_is_not(
    tmp_path: Path, origin: Origin
) -> None:
    origin.serve = _hear_all
    scenery = Scenery(folder=tmp_path, origin=origin.port, policy=POLICY, bounds=Bounds(patience=Patience(tunnel=1.5)))
    with serving(scenery) as gateway, tunnel(gateway, origin.port) as silent, tunnel(gateway, origin.port) as busy:
        closed = threading.Thread(target=read_all, args=(silent,))
        closed.start()
        while closed.is_alive():
            busy.sendall(b".")
            closed.join(0.05)
        busy.sendall(b"!")
        busy.shutdown(socket.SHUT_WR)

        assert read_all(busy) == b"heard"


def test_a_drain_gives_tunnels_time_and_then_ends_them_with_a_record(tmp_path: Path, origin: Origin) -> None:
    origin.serve = _hear_all
    with serving(Scenery(folder=tmp_path, origin=origin.port, policy=POLICY)) as gateway:
        with tunnel(gateway, origin.port) as finishing, tunnel(gateway, origin.port) as staying:
            draining = asyncio.run_coroutine_threadsafe(gateway.engine.served.drain(1.0), gateway.loop)
            finishing.shutdown(socket.SHUT_WR)
            assert read_all(finishing) == b"heard"
            with pytest.raises(ConnectionResetError):
                staying.recv(1)
            draining.result(origins.PATIENCE)
        assert gateway.call(lambda: (len(gateway.engine.served), len(gateway.engine.connections))) == (0, 0)

    ends = [record["bytes"] for record in gateway.records() if record["event"] == "end"]
    assert ends == [{"up": 6, "down": 5}, {"up": 6, "down": 0}]


def test_a_tunnel_that_cannot_be_joined_ends_and_is_recorded(
    gateway: Running, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a bug")

    origin.serve = _hear_all
    monkeypatch.setattr(Relay, "go_on", fails)
    with client(gateway.forward, stranger()) as connection:
        address = address_of(connection)
        connection.sendall(ask(origin.port))
        assert status_of(read_head(connection)) == 200
        connection.sendall(b"\x00ready")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    assert end_of(gateway, address)["reason"] == "internal-error"
