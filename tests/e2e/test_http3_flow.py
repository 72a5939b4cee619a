"""Bodies over HTTP/3: whole whatever is lost, waited for as long as may be, and never piled up in between."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from addons.connections.bounds import Bounds, Patience
from addons.http3.frames import Code, Kind
from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.front_doors import Door, door
from tests.e2e.h3wire import Client, asking, body, head, talking
from tests.keyrings import Keyring

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

HOST = "shop.example"
RULES = """
rules:
  - {id: no-secrets, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}
"""
PIECE = bytes(64 * 1024)
LARGE = 64 * 1024 * 1024
ROOM = 24 * 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http3")


@pytest.fixture(scope="module")
def ring(folder: Path) -> Keyring:
    return Keyring.in_folder(folder)


@pytest.fixture(scope="module")
def origin() -> Iterator[origins.Origin]:
    with origins.origin() as served:
        yield served


@pytest.fixture(scope="module")
def standing(folder: Path, ring: Keyring, origin: origins.Origin) -> Iterator[Door]:
    shown = ring.shows(ring.issue("shop", HOST), ring.issue("wild", "*.many.example"))
    (folder / "gateway").mkdir()
    bounds = Bounds(patience=Patience(head=2.0, exchange=4.0))
    with door(folder / "gateway", tls=shown, http3=True, policy=RULES, bounds=bounds, port=origin.port) as opened:
        yield opened


@pytest.fixture
def front(standing: Door, origin: origins.Origin) -> Iterator[Door]:
    origin.visits.clear()
    origin.answer, origin.serve = origins.HELLO, None
    yield standing
    assert [each for each in standing.refusals if each[0] == "internal-error"] == []


@pytest.fixture
def client(front: Door, folder: Path) -> Iterator[Client]:
    with talking(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.5") as opened:
        yield opened


def test_large_bodies_go_through_both_ways(client: Client, origin: origins.Origin) -> None:
    size = 3 * 1024 * 1024

    def serve(connection: socket.socket, visit: Visit) -> None:
        request = origins.read_request(connection, visit)
        content = request.partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    origin.serve = serve
    sent = os.urandom(size)
    answer = client.ask(asking(HOST, "/echo", ("content-length", str(size)), method="POST"), sent)

    assert answer.status == 200
    assert bytes(answer.body) == sent


class _Lossy:
    """A socket that loses every ninth datagram, in both directions."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._turn = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _is_lost(self) -> bool:
        self._turn += 1
        return self._turn % 9 == 0

    def sendto(self, datagram: bytes, there: Any) -> None:
        if not self._is_lost():
            self._inner.sendto(datagram, there)

    def recv(self, most: int) -> bytes:
        while True:
            datagram: bytes = self._inner.recv(most)
            if not self._is_lost():
                return datagram


def test_what_is_lost_on_the_way_is_sent_again(client: Client, origin: origins.Origin) -> None:
    sent = os.urandom(200_000)

    def serve(connection: socket.socket, visit: Visit) -> None:
        content = origins.read_request(connection, visit).partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

    origin.serve = serve
    vars(client)["socket"] = _Lossy(client.socket)
    answer = client.ask(asking(HOST, "/echo", ("content-length", str(len(sent))), method="POST"), sent)

    assert (answer.status, bytes(answer.body) == sent) == (200, True)


def test_large_fields_go_through_both_ways(client: Client, origin: origins.Origin) -> None:
    large = "v" * 9000
    origin.answer = origins.HELLO.replace(b"X-Origin: yes", b"X-Origin: " + large.encode())

    answer = client.ask(asking(HOST, "/", ("x-large", large)))

    assert answer.fields[b"x-origin"] == large.encode()
    assert b"\r\nx-large: " + large.encode() in origin.received


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def _stands_still(client: Client, measure: Any) -> int:
    seen: list[int] = [0]

    def still() -> bool:
        seen.append(measure())
        client.hear()
        client.flush()
        return len(seen) > 40 and seen[-1] == seen[-40] > 0

    until(still, "it never came to rest")
    return seen[-1]


def test_a_client_that_gives_no_window_makes_the_origin_wait(front: Door, folder: Path, origin: origins.Origin) -> None:
    sent = [0]

    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // len(PIECE)):
            connection.sendall(PIECE)
            sent[0] += len(PIECE)

    origin.serve = serve
    with talking(front.gateway.reverse, HOST, folder / "root.pem", max_stream_data=100_000) as client:
        vars(client.quic)["_write_stream_limits"] = lambda **_: None
        before = _resident()
        stream = client.begin(asking(HOST, "/large"))
        held = _stands_still(client, lambda: sent[0])
        grown = _resident() - before
        assert client.ask(asking(HOST, "/refused")).status == 403
        assert len(client.answer(stream).body) < 100_000

    assert held < ROOM
    assert grown < ROOM


def test_an_origin_that_reads_nothing_makes_the_client_wait_and_only_on_that_stream(
    client: Client, origin: origins.Origin
) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        connection.recv(10)
        done.wait(PATIENCE)

    origin.serve = serve
    before = _resident()
    stream = client.open()
    client.send(stream, head(asking(HOST, "/up", method="POST")))
    client.send(stream, body(bytes(LARGE)))
    sender = client.quic._streams[stream].sender  # noqa: SLF001 - how much has left
    baseline = _resident()
    held = _stands_still(client, lambda: sender.highest_offset)

    assert client.ask(asking(HOST, "/refused")).status == 403
    assert held < ROOM
    assert _resident() - baseline < ROOM, before
    done.set()


def test_an_origin_that_says_nothing_is_blamed(front: Door, client: Client, origin: origins.Origin) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        done.wait(PATIENCE)

    origin.serve = serve
    assert client.ask(asking(HOST, "/slow")).verdict == (504, "upstream-timeout")
    done.set()


@pytest.fixture(scope="module")
def hasty(folder: Path, ring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    shown, bounds = ring.shows(ring.issue("hasty", HOST)), Bounds(patience=Patience(idle=0.5, body=0.5))
    with (
        origins.origin() as waiting,
        door(tmp_path_factory.mktemp("hasty"), tls=shown, http3=True, bounds=bounds, port=waiting.port) as front,
    ):
        yield front


def test_an_idle_connection_is_said_goodbye(hasty: Door, folder: Path) -> None:
    with talking(hasty.gateway.reverse, HOST, folder / "root.pem") as client:
        assert client.ask(asking(HOST)).status == 200
        assert client.ended() == Code.NO_ERROR
        assert Kind.GOAWAY in {kind for kind, _ in client.said}


def test_a_body_that_stands_still_is_not_waited_for(hasty: Door, folder: Path) -> None:
    with talking(hasty.gateway.reverse, HOST, folder / "root.pem") as client:
        stream = client.open()
        client.send(stream, head(asking(HOST, "/up", method="POST")) + body(b"half"))
        assert client.whole(stream).verdict == (408, "body-timeout")
