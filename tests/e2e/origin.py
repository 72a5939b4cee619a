"""An origin on loopback that keeps every byte it was sent, and raw clients that send whatever a test likes.

Nothing here parses more HTTP than it must: what a test is about are the bytes.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE: Final = 10.0
"""Seconds that a socket of a test waits for anything."""

HELLO: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Origin: yes\r\n\r\nhello"
"""What an origin answers unless it is told otherwise."""

_LAST_CHUNK: Final = re.compile(rb"(?:\A|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


@dataclass
class Visit:
    """One connection to the origin: all that was read on it."""

    data: bytearray = field(default_factory=bytearray)
    closed: threading.Event = field(default_factory=threading.Event)


@dataclass
class Origin:
    """Answers every request with `answer`, or hands the connection to `serve`. `visits` are its connections."""

    port: int
    answer: bytes = HELLO
    serve: Callable[[socket.socket, Visit], None] | None = None
    visits: list[Visit] = field(default_factory=list)

    @property
    def received(self) -> bytes:
        """Everything that was ever sent to this origin."""
        return b"".join(bytes(visit.data) for visit in self.visits)

    def talk(self, connection: socket.socket, visit: Visit) -> None:
        """Serve one connection to its end."""
        try:
            if self.serve is not None:
                self.serve(connection, visit)
            else:
                while read_request(connection, visit):
                    connection.sendall(self.answer)
        except OSError:
            pass
        finally:
            with suppress(OSError):
                connection.close()
            visit.closed.set()


def read_request(connection: socket.socket, visit: Visit) -> bytes:
    """Read one request with its body into the visit; empty at the end of the connection."""
    start = len(visit.data)
    while not _is_whole(visit.data[start:]):
        piece = connection.recv(65536)
        if not piece:
            return b""
        visit.data += piece
    return bytes(visit.data[start:])


def _is_whole(request: bytes | bytearray) -> bool:
    head, found, body = bytes(request).partition(b"\r\n\r\n")
    if not found:
        return False
    if b"\r\ntransfer-encoding: chunked" in head.lower():
        return _LAST_CHUNK.search(body) is not None
    length = _LENGTH.search(head)
    return len(body) >= (int(length.group(1)) if length else 0)


@contextmanager
def origin(
    answer: bytes = HELLO,
    serve: Callable[[socket.socket, Visit], None] | None = None,
    tls: ssl.SSLContext | None = None,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[Origin]:
    """Serve an origin within this block, over TLS with a context for it."""
    family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
    with socket.create_server(at, family=family, backlog=128) as listener:
        served = Origin(listener.getsockname()[1], answer, serve)
        thread = threading.Thread(target=_accept, args=(listener, served, tls), daemon=True)
        thread.start()
        try:
            yield served
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def _accept(listener: socket.socket, served: Origin, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        visit = Visit()
        served.visits.append(visit)
        threading.Thread(target=_greet, args=(connection, served, visit, tls), daemon=True).start()


def _greet(connection: socket.socket, served: Origin, visit: Visit, tls: ssl.SSLContext | None) -> None:
    connection.settimeout(PATIENCE)
    if tls is not None:
        try:
            connection = tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            visit.closed.set()
            return
    served.talk(connection, visit)


_STRANGERS: Final = count(int(IPv4Address("127.1.0.1")))


def stranger() -> str:
    """An address of loopback that no other client of this run has: a port is given to two clients now and then."""
    return str(IPv4Address(next(_STRANGERS)))


@contextmanager
def client(port: int, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A TCP connection from an address of loopback to a port of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def read_head(connection: socket.socket) -> bytes:
    """Read byte by byte to the end of an answer's head, and not one byte further."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return bytes(head)


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer with a stated length, head and body; what there is if the connection ends before."""
    head = read_head(connection)
    length = _LENGTH.search(head)
    body = bytearray()
    while length and len(body) < int(length.group(1)):
        piece = connection.recv(int(length.group(1)) - len(body))
        if not piece:
            break
        body += piece
    return head + bytes(body)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes; a reset is an end too."""
    data = bytearray()
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            data += piece
    return bytes(data)


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 for none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0


def ask(port: int, request: bytes) -> bytes:
    """Send bytes on a new connection and read one answer."""
    with client(port) as connection:
        connection.sendall(request)
        return read_answer(connection)


@dataclass(frozen=True)
class Identity:
    """A certificate authority of a test, and a server context that shows a certificate signed by it."""

    authority: Path
    context: ssl.SSLContext


def identity_for(folder: Path, *names: str) -> Identity:
    """An authority in `folder`, and a server that may call itself by `names`."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of tests")])
    authority = (
        _certificate(issuer, issuer, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    certificate = (
        _certificate(subject, issuer, server_key, now)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, trusted = folder / "server.pem", folder / "authority.pem"
    trusted.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Identity(trusted, context)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
    )


def hello_bytes(name: str | None) -> bytes:
    """A real ClientHello for `name`, as OpenSSL sends it."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def trusting(authority: Path | str) -> ssl.SSLContext:
    """A client's context that trusts one authority and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(authority))
    return context
