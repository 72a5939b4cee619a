"""What is in a tunnel is known before anything of it is forwarded, however it is cut into packets."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from addons.connections.bounds import Bounds, Patience
from tests.e2e import origin as origins
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, Visit, client, hello_bytes, read_all, read_answer, read_head, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

IMPATIENT = Bounds(patience=Patience(handshake=0.3, head=0.3))
SPLICED = """
tls:
  inspect: all
  splice:
    - {id: pass-origin, reason: tests look at what is passed on unread, when: {host: {is: [origin.example]}}}
"""


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Origin, Path]]:
    folder = tmp_path_factory.mktemp("tunnels")
    identity = origins.identity_for(folder, "origin.example")
    with origins.origin(tls=identity.context) as origin:
        scenery = Scenery(folder=folder, origin=origin.port, trust=identity.authority, bounds=IMPATIENT)
        with serving(scenery) as gateway:
            yield gateway, origin, folder


@contextmanager
def tunnel(gateway: Running, port: int, host: str = "origin.example") -> Iterator[socket.socket]:
    with client(gateway.forward) as connection:
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert status_of(read_head(connection)) == 200
        yield connection


class Handshake:
    """TLS by hand, so that a test decides how its bytes are cut into packets."""

    def __init__(self, connection: socket.socket, authority: Path, name: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = origins.trusting(authority)
        self.inner = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.connection = connection

    def hello(self) -> bytes:
        with suppress(ssl.SSLWantReadError):
            self.inner.do_handshake()
        return self.outgoing.read()

    def finish(self) -> None:
        while True:
            try:
                self.inner.do_handshake()
            except ssl.SSLWantReadError:
                self._pump()
            else:
                self.connection.sendall(self.outgoing.read())
                return

    def _pump(self) -> None:
        if pending := self.outgoing.read():
            self.connection.sendall(pending)
        piece = self.connection.recv(65536)
        assert piece, "the gateway closed the connection in the handshake"
        self.incoming.write(piece)

    def ask(self, request: bytes) -> bytes:
        self.inner.write(request)
        self.connection.sendall(self.outgoing.read())
        answer = b""
        while not answer.endswith(b"hello"):
            try:
                answer += self.inner.read(65536)
            except ssl.SSLWantReadError:
                self._pump()
        return answer


def test_a_hello_cut_at_any_byte_stays_inspected(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret
    whole = len(hello_bytes("origin.example"))

    for cut in range(1, whole, 1 if whole < 400 else 3):
        with tunnel(gateway, origin.port) as connection:
            handshake = Handshake(connection, folder / "state" / "ca" / "ca.pem", "origin.example")
            hello = handshake.hello()
            connection.sendall(hello[:cut])
            time.sleep(0.001)
            connection.sendall(hello[cut:])
            handshake.finish()
            # the certificate is the gateway's own: nobody but it can read and judge what is inside
            assert handshake.inner.getpeercert() is not None


def test_a_hello_byte_by_byte_stays_inspected(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret
    origin.visits.clear()

    with tunnel(gateway, origin.port) as connection:
        handshake = Handshake(connection, folder / "state" / "ca" / "ca.pem", "origin.example")
        for byte in handshake.hello():
            connection.sendall(bytes([byte]))
        handshake.finish()
        answer = handshake.ask(f"GET /in HTTP/1.1\r\nHost: origin.example:{origin.port}\r\n\r\n".encode())

    assert status_of(answer) == 200
    assert b"GET /in HTTP/1.1" in origin.received
    assert b"Via: " in origin.received


def test_a_hello_in_many_records_stays_inspected(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret

    with tunnel(gateway, origin.port) as connection:
        handshake = Handshake(connection, folder / "state" / "ca" / "ca.pem", "origin.example")
        message = handshake.hello()[5:]
        records = [message[at : at + 40] for at in range(0, len(message), 40)]
        connection.sendall(b"".join(b"\x16\x03\x01" + len(each).to_bytes(2) + each for each in records))
        handshake.finish()


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("neither TLS nor HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("a lower-case word", b"get / HTTP/1.1\r\n\r\n"),
        ("zero bytes", b"\x00" * 64),
        ("a server's hello", b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"),
        ("an empty record", b"\x16\x03\x01\x00\x00"),
        ("an impossible record", b"\x16\x03\x01\xff\xff" + b"\x01" * 100),
        ("another version", b"\x16\x02\x00\x00\x05\x01\x00\x00\x01\x00"),
        ("a hello without an end", b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + b"\x00" * 70_000),
        ("HTTP/2 without TLS", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ],
)
def test_a_tunnel_that_carries_something_else_is_closed(
    why: str, data: bytes, secret: tuple[Running, Origin, Path]
) -> None:
    gateway, origin, _ = secret
    origin.visits.clear()

    with tunnel(gateway, origin.port) as connection:
        with suppress(OSError):
            connection.sendall(data)
        answer = read_all(connection)

    assert origin.visits == [], why
    assert answer == b"" or status_of(answer) == 400


@pytest.mark.parametrize("first", [b"\x16", b"\x16\x03", b"\x16\x03\x01\x02\x00\x01", b"G", b"GET", b"GET "])
def test_a_tunnel_that_never_says_what_it_is_ends_at_the_deadline(
    first: bytes, secret: tuple[Running, Origin, Path]
) -> None:
    gateway, origin, _ = secret
    origin.visits.clear()
    begun = time.monotonic()

    with tunnel(gateway, origin.port) as connection:
        connection.sendall(first)
        assert read_all(connection) == b""

    assert time.monotonic() - begun < 3
    assert origin.visits == []


def test_slow_bytes_do_not_renew_the_deadline_of_a_hello(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, _ = secret
    begun = time.monotonic()

    with tunnel(gateway, origin.port) as connection, suppress(OSError):
        for byte in hello_bytes("origin.example"):
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    assert time.monotonic() - begun < 3


def test_another_name_in_the_hello_than_in_the_connect_is_closed(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, _ = secret
    origin.visits.clear()

    with tunnel(gateway, origin.port) as connection:
        connection.sendall(hello_bytes("other.example"))
        assert read_all(connection) == b""

    assert origin.visits == []


def test_an_upstream_that_is_not_who_it_says_is_a_502_of_its_own(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret
    origin.visits.clear()

    with tunnel(gateway, origin.port, "other.example") as connection:
        trusted = origins.trusting(folder / "state" / "ca" / "ca.pem")
        with trusted.wrap_socket(connection, server_hostname="other.example") as inner:
            inner.sendall(f"GET / HTTP/1.1\r\nHost: other.example:{origin.port}\r\n\r\n".encode())
            answer = read_answer(inner)

    assert status_of(answer) == 502
    assert b"upstream-wrong-name" in answer
    assert origin.received == b""


def test_a_request_line_cut_at_any_byte_is_inspected_as_http(tmp_path: Path) -> None:
    with origins.origin() as origin, serving(Scenery(folder=tmp_path, origin=origin.port)) as gateway:
        request = f"GET /plain HTTP/1.1\r\nHost: origin.example:{origin.port}\r\n\r\n".encode()
        for cut in range(1, 20):
            with tunnel(gateway, origin.port) as connection:
                connection.sendall(request[:cut])
                time.sleep(0.002)
                connection.sendall(request[cut:])
                assert status_of(read_answer(connection)) == 200

        assert all(b"Via: " in visit.data for visit in origin.visits)


def test_a_spliced_tunnel_is_passed_on_unread_and_its_bytes_are_counted(tmp_path: Path) -> None:
    identity = origins.identity_for(tmp_path, "origin.example")
    with origins.origin(tls=identity.context) as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, policy=SPLICED)
        with serving(scenery) as gateway, tunnel(gateway, origin.port) as connection:
            trusted = origins.trusting(identity.authority)  # the origin's own certificate, not one of the gateway
            with trusted.wrap_socket(connection, server_hostname="origin.example") as inner:
                inner.sendall(b"GET /unread HTTP/1.1\r\nHost: origin.example\r\n\r\n")
                assert status_of(read_answer(inner)) == 200
        (end,) = [record for record in gateway.records() if record["event"] == "end"]

    assert b"Via: " not in origin.received
    assert end["bytes"]["up"] > len(hello_bytes("origin.example")) // 2
    assert end["bytes"]["down"] > 500
    assert end["status"] == 200


def test_each_direction_of_a_spliced_tunnel_ends_by_itself(tmp_path: Path) -> None:
    heard = bytearray()

    def answer_at_the_end(connection: socket.socket, visit: Visit) -> None:
        while piece := connection.recv(65536):
            heard.extend(piece)
        visit.data += heard
        connection.sendall(b"all of it: %d" % len(heard))

    hello = hello_bytes("origin.example")
    with origins.origin(serve=answer_at_the_end) as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, policy=SPLICED)
        with serving(scenery) as gateway, tunnel(gateway, origin.port) as connection:
            connection.sendall(hello)
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection)

    assert bytes(heard) == hello
    assert answer == b"all of it: %d" % len(hello)
