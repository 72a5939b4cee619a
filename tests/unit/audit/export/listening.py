"""Receivers on loopback that say and do what a test wants, and keep what they were sent."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    type Behaviour = Callable[["Listening", socket.socket], None]
    """What a receiver does with a connection."""


@dataclass(slots=True)
class Listening:
    """Accepts connections one after the other; those after the last of `behaviours` meet that one again."""

    behaviours: list[Behaviour]
    context: ssl.SSLContext | None = None
    got: list[bytes] = field(default_factory=list)
    _socket: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _held: list[socket.socket] = field(default_factory=list)
    _port: int = 0

    def __post_init__(self) -> None:
        self._port = self._socket.getsockname()[1]

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def __enter__(self) -> Self:
        Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._held:
            each.close()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._held.append(connection)
                behaviour = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                with suppress(OSError):
                    if self.context is not None:
                        connection = self.context.wrap_socket(connection, server_side=True)
                        self._held.append(connection)
                    behaviour(self, connection)


def reads_to_the_end(receiver: Listening, connection: socket.socket) -> None:
    """Read all, and hang up in order."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    receiver.got.append(data)
    connection.close()


def reads_one_byte_and_dies(receiver: Listening, connection: socket.socket) -> None:
    """End with bytes unread, as a killed process does."""
    receiver.got.append(connection.recv(1))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def reads_to_the_end_and_dies(receiver: Listening, connection: socket.socket) -> None:
    """Read all and hang up, but listen no more."""
    receiver._socket.close()  # noqa: SLF001 - the socket of its own process
    reads_to_the_end(receiver, connection)


def stays_silent(_: Listening, connection: socket.socket) -> None:
    """Neither read nor hang up."""
    connection.settimeout(None)


def answers(*texts: bytes) -> Behaviour:
    """Answer the requests of one connection with these, then hang up."""

    def answer(receiver: Listening, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            for text in texts:
                request = _request(file.readline, file.read)
                if not request:
                    return
                receiver.got.append(request)
                connection.sendall(text)

    return answer


def _request(readline: Callable[[], bytes], read: Callable[[int], bytes]) -> bytes:
    head, length = b"", 0
    while (line := readline()) not in {b"", b"\r\n"}:
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head + read(length) if head else b""


def status(code: int, *fields: str, body: bytes = b"") -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *fields]
    return "".join(f"{each}\r\n" for each in lines).encode() + b"\r\n" + body
