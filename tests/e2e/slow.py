"""A gateway with little patience, and peers that are slow on purpose: clients that drip, origins that stall."""

from __future__ import annotations

import select
import socket
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from addons.serving.composition import compose
from gateway.config.settings import LimitSettings, UpstreamTlsSettings
from tests.e2e.commands import until
from tests.e2e.gateways import Scenery, served
from tests.e2e.origin import HELLO, Origin, client, origin, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.e2e.gateways import Running
    from tests.e2e.origin import Visit

    type Act = Callable[[socket.socket], None]
    """What a client does, until the gateway has had enough."""

IMPATIENT: Final = LimitSettings(
    head=4096,
    fields=20,
    target=1024,
    head_timeout=0.5,
    body=50_000,
    body_idle=0.5,
    body_rate=1000,
    keep_alive=1.0,
    connect_timeout=0.5,
    first_byte=0.8,
    answer_idle=0.8,
    tunnel_idle=0.8,
)
EVERY: Final = 0.02
"""Seconds between two bytes of a client that drips."""


@dataclass(frozen=True)
class Told:
    """What came of one exchange: the status and all bytes that the client got, and what the log says of it."""

    status: int
    heard: bytes
    decided: object
    ended: object

    @property
    def words(self) -> tuple[int, object, object]:
        """The status, the reason of the decision, the reason of the end."""
        return self.status, self.decided, self.ended


@dataclass
class Slow:
    """The gateway and the origin behind it."""

    gateway: Running
    origin: Origin
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fresh(self) -> Slow:
        """The same, as if nothing had happened yet; whatever was under way is on record."""
        until(self._is_settled, "an exchange never ended")
        self.origin.visits.clear()
        self.origin.answer, self.origin.serve = HELLO, None
        self.failures.clear()
        return self

    def _is_settled(self) -> bool:
        counted = Counter(each["event"] for each in self.gateway.records())
        return counted["decision"] == counted["end"]

    def head(self, mode: str, *fields: str, method: str = "GET", path: str = "/") -> bytes:
        """The head of a request to the origin, as a client of one of the listeners writes it."""
        host = f"origin.example:{self.origin.port}"
        target = f"http://{host}{path}" if mode == "forward" else path
        return "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", "")).encode()

    def port(self, mode: str) -> int:
        """Where a listener listens."""
        return self.gateway.forward if mode == "forward" else self.gateway.reverse

    def told(self, mode: str, act: Act) -> Told:
        """Let a client act on a connection of its own, and hear what comes of it."""
        before = {each["id"] for each in self.gateway.records() if "id" in each}
        with client(self.port(mode)) as connection:
            with suppress(ConnectionError):
                act(connection)
            heard = to_the_end(connection)
        ends: list[dict[str, object]] = []

        def ended() -> bool:
            ends[:] = [each for each in self.gateway.records() if each["event"] == "end" and each["id"] not in before]
            return bool(ends)

        until(ended, "the exchange never ended")
        (end,) = ends
        (decision,) = [
            each["decision"]
            for each in self.gateway.records()
            if each["event"] == "decision" and each["id"] == end["id"]
        ]
        return Told(status_of(_without_interim(heard)), heard, decision["reason"], end["reason"])

    def forwarded(self) -> bytes:
        """Every byte behind the head that the origin got, as soon as its connections are over."""
        until(lambda: all(visit.closed.is_set() for visit in self.origin.visits), "the origin was left waiting")
        return self.origin.received.partition(b"\r\n\r\n")[2]


def _without_interim(heard: bytes) -> bytes:
    """What stands behind interim answers."""
    while heard.startswith(b"HTTP/1.1 1"):
        heard = heard.partition(b"\r\n\r\n")[2]
    return heard


def to_the_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes; a reset ends with `<reset>`, which is no end that anybody meant."""
    heard = bytearray()
    try:
        while data := connection.recv(65536):
            heard += data
    except ConnectionError:
        heard += b"<reset>"
    return bytes(heard)


def sends(*pieces: bytes) -> Act:
    """A client that sends this, and then nothing."""

    def act(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return act


def drips(first: bytes, rest: Iterable[bytes], every: float = EVERY) -> Act:
    """A client that sends the first part at once and then one piece after the other, until it hears something."""

    def act(connection: socket.socket) -> None:
        connection.sendall(first)
        for piece in rest:
            if select.select([connection], [], [], every)[0]:
                return
            connection.sendall(piece)

    return act


def bytewise(data: bytes) -> list[bytes]:
    """The same, a byte at a time."""
    return [bytes([each]) for each in data]


def swallow(connection: socket.socket, visit: Visit) -> None:
    """An origin that takes everything and says nothing."""
    while data := connection.recv(65536):
        visit.data += data


def stalls_after(*pieces: bytes) -> Callable[[socket.socket, Visit], None]:
    """An origin that says this to the first bytes that come, and nothing more."""

    def serve(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)
        swallow(connection, visit)

    return serve


@contextmanager
def deaf() -> Iterator[int]:
    """A port that lets nobody connect and refuses nobody: its queue is full, and nobody takes from it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port: int = listener.getsockname()[1]
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)  # noqa: FBT003 - the socket's own signature
            waiting[-1].connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for each in waiting:
                each.close()


@contextmanager
def slowly(
    folder: Path,
    limits: LimitSettings = IMPATIENT,
    *,
    scheme: str = "http",
    port: int | None = None,
    policy: str = "",
) -> Iterator[Slow]:
    """Serve a gateway under these limits in front of an origin; `port` is another one behind it."""
    with origin() as behind:
        scenery = Scenery(folder=folder, origin=port or behind.port, limits=limits, scheme=scheme, policy=policy)
        settings = replace(scenery.settings(), upstream_tls=UpstreamTlsSettings(handshake_timeout=0.5))
        with served(scenery, compose(settings)) as gateway:
            yield Slow(gateway, behind, scenery.failures)
