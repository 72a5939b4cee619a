"""Servers to protect, and to be reached: one that remembers every byte it got, certificates for it, and a real one."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import socket
import ssl
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.quickstart.process import application
from tests.e2e.commands import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY = b"the origin was here\n"
"""What a recording origin answers."""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(BODY)

_LAST_CHUNK = re.compile(rb"\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n")
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(slots=True)
class Visit:
    """One connection: every byte that came, and the requests that were whole."""

    received: bytearray = field(default_factory=bytearray)
    requests: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class RecordingOrigin:
    """Listens on loopback, at `host` and `listens_at` (0: any port), and answers every request alike.

    `visits` holds all that ever arrived.

    An `eager` one answers whatever comes. `answer` may be replaced by another head; the body is always `BODY`. With
    `answering` the whole answer to the head of a request is made by that, and whether the connection ends then. With
    `tls` it speaks TLS; a handshake that fails leaves an empty visit.
    """

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    eager: bool = False
    answer: bytes = ANSWER
    answering: Callable[[bytes], tuple[bytes, bool]] | None = None
    listens_at: int = 0
    visits: list[Visit] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, self.listens_at), family=family)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def received(self) -> bytes:
        """Everything that arrived, over all connections."""
        return b"".join(bytes(visit.received) for visit in self.visits)

    @property
    def requests(self) -> list[bytes]:
        """The heads of the requests that arrived whole, in order within each connection."""
        return [request for visit in self.visits for request in visit.requests]

    def forget(self) -> None:
        """A new test begins: what connections that stand go on to bring is no business of it."""
        self.visits = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(PATIENCE)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            visit = Visit()
            self.visits.append(visit)
            self._open.append(client)
            self._start(self._serve, client, visit)

    def _serve(self, client: socket.socket, visit: Visit) -> None:
        with ExitStack() as closing, suppress(OSError):
            closing.callback(client.close)
            stream = client
            if self.tls is not None:
                stream = closing.enter_context(self.tls.wrap_socket(client, server_side=True))
                self._open.append(stream)
            buffer = bytearray()
            while data := stream.recv(262144):
                visit.received += data
                buffer += data
                if self.eager and b"HTTP/1.1\r\n" not in buffer:
                    stream.sendall(self.answer + BODY)
                while (size := _whole(buffer)) is not None:
                    visit.requests.append(bytes(buffer[: buffer.index(b"\r\n\r\n")]))
                    head_only = buffer.startswith(b"HEAD ")
                    del buffer[:size]
                    answer, closes = self._answer(visit.requests[-1], head_only=head_only)
                    stream.sendall(answer)
                    if closes:
                        return

    def _answer(self, head: bytes, *, head_only: bool) -> tuple[bytes, bool]:
        if self.answering is not None:
            return self.answering(head)
        return self.answer + (b"" if head_only else BODY), b"connection: close" in self.answer.lower()


def _whole(buffer: bytearray) -> int | None:
    """The length of the first request in the buffer, or None while it is not whole."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end]).lower()
    if b"transfer-encoding: chunked" in head:
        last = _LAST_CHUNK.search(buffer, end + 2)
        return None if last is None else last.end()
    size = 0
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            size = int(line.partition(b":")[2])
    return end + 4 + size if len(buffer) >= end + 4 + size else None


@contextmanager
def shop() -> Iterator[int]:
    """The quick start application in a process of its own; gives its port."""
    port = free_port()
    with application("127.0.0.1", port):
        yield port


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority of a test, with its certificate in `file`."""

    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def context(self, *names: str) -> ssl.SSLContext:
        """What a server needs to be `names`; files are written beside the authority's."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = (
            _draft(names[0], self.certificate.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.file.with_name(f"{names[0]}.server.pem")
        path.write_bytes(_pem(leaf) + _secret(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def make_authority(file: Path) -> Authority:
    """A new authority; its certificate is written to `file`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    certificate = (
        _draft("test authority", name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_SIGNS, critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(_pem(certificate))
    return Authority(file, certificate, key)


def _draft(subject: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
