"""Many clients at once that are as slow as can be: heads and bodies that drip, connections that say nothing at all.

One thread serves them all. They come from many addresses of loopback, so that no bound per client ends them early.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Final, Literal

from tests.e2e.origin import status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    type Kind = Literal["head", "body", "idle"]

KINDS: Final[tuple[Kind, ...]] = ("head", "body", "idle")
MARK: Final = b"/slow"
"""The path that slow clients ask for."""

_HEAD: Final = b"GET %s HTTP/1.1\r\nHost: shop.example\r\nX-Slow: " % MARK
_BODY: Final = b"POST %s HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n" % MARK
_BEGINS: Final[dict[Kind, bytes]] = {"head": _HEAD, "body": _BODY, "idle": b""}
_ADDRESSES: Final = 50
_PATIENCE: Final = 10.0
_TURNS: Final = 100
"""So that not all of them send their byte at the same moment: nobody tells thousands of people when to."""


@dataclass(slots=True)
class Client:
    """One of them: what it has heard, and whether its connection was ended."""

    kind: Kind
    connection: socket.socket
    heard: bytearray = field(default_factory=bytearray)
    is_over: bool = False

    @property
    def told(self) -> tuple[Kind, int]:
        """What kind of client got which status; 0 for none."""
        return self.kind, status_of(bytes(self.heard))

    def drip(self) -> None:
        """Send a byte more, and hear what there is to hear."""
        try:
            if self.kind != "idle":
                self.connection.send(b"a")
            while not self.is_over:
                data = self.connection.recv(65536)
                self.heard += data
                self.is_over = not data
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True


def begin(port: int, kind: Kind, number: int) -> Client:
    """A slow client, the `number`th, that has begun."""
    source = (f"127.0.2.{1 + number % _ADDRESSES}", 0)
    connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE, source_address=source)
    connection.sendall(_BEGINS[kind])
    connection.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return Client(kind, connection)


@contextmanager
def dripping(port: int, count: int, every: float, kinds: Sequence[Kind] = KINDS) -> Iterator[list[Client]]:
    """Hold so many slow clients open within this block; each that drips sends a byte `every` seconds."""
    clients = [begin(port, kinds[number % len(kinds)], number) for number in range(count)]
    enough = threading.Event()

    def drip() -> None:
        for turn in cycle(range(_TURNS)):
            if enough.wait(every / _TURNS):
                return
            for each in clients[turn::_TURNS]:
                if not each.is_over:
                    each.drip()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        enough.set()
        thread.join()
        for each in clients:
            with suppress(OSError):
                each.connection.close()
