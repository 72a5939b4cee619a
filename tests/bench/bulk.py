"""An origin of large bodies, plain and over TLS, and clients that reach it through a forward proxy in three ways.

The ways are `plain`, `spliced` (a tunnel that is passed on unread) and `inspected` (a tunnel that is opened).
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.load import Wrong, serving
from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS: Final = ("plain", "spliced", "inspected")
PIECE: Final = bytes(256 * 1024)
_PATIENCE: Final = 60.0
_HOSTS: Final = {"plain": "plain.example", "spliced": "spliced.example", "inspected": "inspected.example"}
_POLICY: Final = """
version: 1
name: bulk
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [{port}]
tls:
  inspect: all
  splice: [{{id: unread, reason: To compare, when: {{host: {{is: [spliced.example]}}}}}}]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A gateway, its process, and what clients have to know. `ports` are the origin's, by way."""

    proxy: int
    pid: int
    ports: dict[str, int]
    trusted: dict[str, ssl.SSLContext]

    @contextmanager
    def connection(self, way: str) -> Iterator[socket.socket]:
        """A connection on which requests can be sent."""
        with socket.create_connection(("127.0.0.1", self.proxy), timeout=_PATIENCE) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if way == "plain":
                yield raw
                return
            name = f"{_HOSTS[way]}:{self.ports[way]}"
            raw.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            if not (head := _head(raw)).startswith(b"HTTP/1.1 200 "):
                raise Wrong(head.decode("latin-1"))
            with self.trusted[way].wrap_socket(raw, server_hostname=_HOSTS[way]) as inside:
                yield inside

    def download(self, way: str, size: int) -> None:
        """Fetch a body of this many bytes and throw it away."""
        with self.connection(way) as stream:
            stream.sendall(self._request(way, "GET", size))
            head = _head(stream)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise Wrong(head.decode("latin-1"))
            _drain(stream, size)

    def upload(self, way: str, size: int) -> None:
        """Send a body of this many bytes."""
        with self.connection(way) as stream:
            stream.sendall(self._request(way, "PUT", size))
            for at in range(0, size, len(PIECE)):
                stream.sendall(PIECE[: size - at])
            head = _head(stream)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise Wrong(head.decode("latin-1"))

    def _request(self, way: str, method: str, size: int) -> bytes:
        name = f"{_HOSTS[way]}:{self.ports[way]}"
        target = f"http://{name}/{size}" if way == "plain" else f"/{size}"
        length = f"Content-Length: {size}\r\n" if method == "PUT" else ""
        return f"{method} {target} HTTP/1.1\r\nHost: {name}\r\n{length}\r\n".encode()


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """A gateway in front of a plain and a TLS origin, within this block."""
    root = authority("root of a benchmark")
    (folder / "root.pem").write_bytes(root.pem)
    context = root.signs(Wish(names=tuple(_HOSTS.values()))).served(folder)
    with _origin(None) as plain, _origin(context) as secure:
        ports = {"plain": plain, "spliced": secure, "inspected": secure}
        proxy = free_port()
        (folder / "policy.yaml").write_text(_POLICY.format(port=secure), encoding="utf-8")
        listener = {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{proxy}", "policy": "policy.yaml"}
        settings = {
            "version": 1,
            "state": "state",
            "listeners": [listener],
            "resolver": {"hosts": {".example": ["127.0.0.1"]}},
            "upstream_tls": {"trust": ["root.pem"]},
        }
        (folder / "wicketgate.yaml").write_text(json.dumps(settings), encoding="utf-8")
        with serving([COMMAND, "run", "--config", str(folder / "wicketgate.yaml")], proxy) as pid:
            trusted = {
                "spliced": ssl.create_default_context(cafile=folder / "root.pem"),
                "inspected": ssl.create_default_context(cafile=folder / "state" / "ca" / "ca.pem"),
            }
            yield Scene(proxy, pid, ports, trusted)


@contextmanager
def _origin(tls: ssl.SSLContext | None) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, tls), daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            client.settimeout(_PATIENCE)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(client, tls), daemon=True).start()


def _serve(client: socket.socket, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError), client:
        stream = client if tls is None else tls.wrap_socket(client, server_side=True)
        while head := _head(stream):
            method, target, _ = head.split(b" ", 2)
            size = int(target.rpartition(b"/")[2])
            if method == b"PUT":
                _drain(stream, size)
                size = 0
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            for at in range(0, size, len(PIECE)):
                stream.sendall(PIECE[: size - at])


def _head(stream: socket.socket) -> bytes:
    """A head, byte by byte, so that nothing of the body is taken."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        if not (byte := stream.recv(1)):
            return b""
        head += byte
    return bytes(head)


def _drain(stream: socket.socket, size: int) -> None:
    room = memoryview(bytearray(len(PIECE)))
    while size > 0:
        got = stream.recv_into(room[: min(size, len(room))])
        if not got:
            raise Wrong(f"{size} bytes are missing")
        size -= got
