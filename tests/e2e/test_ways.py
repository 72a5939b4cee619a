"""The short way of an exchange and the long one: thousands of the same exchanges, the same bytes and records."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from addons.connections.bounds import Bounds
from addons.http1.straight import Straight
from tests.e2e.commands import until
from tests.e2e.conversations import POLICY, answering, conversations
from tests.e2e.gateways import Scenery, Wire, serving
from tests.e2e.origin import PATIENCE, origin, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conversations import Conversation, Exchange

EXCHANGES: Final = 1_600
"""For each of four tests. Some are never asked for, because their connections end before."""
ENOUGH: Final = 1_250

_ID: Final = re.compile(rb"[0-9A-HJKMNP-TV-Z]{26}")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODILESS: Final = (b"204", b"304")
_VARYING: Final = frozenset({"seq", "time", "id", "seconds"})

pytestmark = pytest.mark.e2e


@dataclass
class Speaker:
    """A client of HTTP/1.1 at an address of its own, which keeps all that it hears."""

    connection: socket.socket
    heard: bytearray = field(default_factory=bytearray)
    read: int = 0

    def hold(self, conversation: Conversation) -> None:
        """Say one thing after the other, each behind the answer to the one before, as long as the gateway listens."""
        with suppress(ConnectionError):
            for each in conversation.exchanges:
                for piece in (each.sent[: len(each.sent) - each.apart], each.sent[len(each.sent) - each.apart :]):
                    self.connection.sendall(piece)
                if not all(self._hear(each) for _ in range(each.answers)):
                    return
            self.connection.sendall(conversation.last)
            self.heard += read_all(self.connection)

    def _hear(self, exchange: Exchange) -> bool:
        """Hear one answer to its end; False if the connection ends with it."""
        head = self._until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else None)
        while head.startswith(b"HTTP/1.1 1"):
            head = self._until(lambda data: data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else None)
        if not head:
            return False
        if exchange.bodies and head[9:12] not in _BODILESS:
            length = _LENGTH.search(head)
            if length is not None:
                self._until(lambda data: int(length[1]) if len(data) >= int(length[1]) else None)
            elif b"chunked" in head.lower():
                self._until(_end_of_chunks)
        return b"connection: close" not in head.lower()

    def _until(self, size_of: Any) -> bytes:
        while (size := size_of(bytes(self.heard[self.read :]))) is None:
            piece = self.connection.recv(65536)
            if not piece:
                return b""
            self.heard += piece
        found = bytes(self.heard[self.read : self.read + size])
        self.read += size
        return found


def _end_of_chunks(data: bytes) -> int | None:
    last = re.search(rb"(?:\A|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n", data)
    return None if last is None else last.end()


@dataclass
class Said:
    """What came of all conversations: what each client heard, what reached the origin, and what was recorded."""

    heard: list[bytes]
    arrived: list[bytes]
    recorded: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with origin(serve=answering) as served:
        folder = tmp_path_factory.mktemp("ways")
        bounds = Bounds(head=8192, ahead=16384)
        scenery = Scenery(folder=folder, origin=served.port, policy=POLICY, bounds=bounds)
        scenery.checked = False  # tens of thousands of records, of kinds that others check
        with serving(scenery) as gateway:
            yield Wire(gateway, served)


def hold(wire: Wire, port: int, asked: list[Conversation]) -> Said:
    """Hold all conversations, one after the other; the client of each has an address of its own."""
    wire.origin.visits.clear()
    before, heard = len(wire.gateway.records()), []
    for number, each in enumerate(asked):
        at = f"127.1.{number // 250}.{number % 250 + 1}"
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=(at, 0)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            speaker = Speaker(connection)
            speaker.hold(each)
            heard.append(_ID.sub(b"ID", bytes(speaker.heard)))
    until(lambda: wire.gateway.call(lambda: len(wire.gateway.engine.connections)) == 0, "a connection is not over")
    until(lambda: all(each.closed.is_set() for each in wire.origin.visits), "the origin is still asked")
    arrived = sorted(_ID.sub(b"ID", bytes(each.data)) for each in wire.origin.visits)
    return Said(heard, arrived, by_client(wire.gateway.records()[before:]))


def by_client(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The records of each client in their order, without what is another one each time."""
    whose: dict[str, str] = {}
    found: dict[str, list[dict[str, Any]]] = {}
    for each in records:
        if "client" in each:
            whose[each["id"]] = each["client"]["ip"]
        kept = {name: value for name, value in each.items() if name not in _VARYING}
        kept |= {"client": each["client"]["ip"]} if "client" in each else {}
        found.setdefault(whose[each["id"]], []).append(kept)
    return found


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_thousands_of_exchanges_are_the_same_on_the_short_way_and_on_the_long_one(
    mode: str, seed: int, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = b"origin.example:%d" % wire.origin.port
    host, start = (b"shop.example", b"") if mode == "reverse" else (place, b"http://" + place)
    asked = list(conversations(seed, EXCHANGES, host, start))
    port = getattr(wire.gateway, mode)

    short = hold(wire, port, asked)
    monkeypatch.setattr(Straight, "take", lambda *_: None)
    long = hold(wire, port, asked)

    assert sum(each["event"] == "end" for records in short.recorded.values() for each in records) > ENOUGH
    for number, (one, other) in enumerate(zip(short.heard, long.heard, strict=True)):
        assert (one, asked[number]) == (other, asked[number])
    assert short.arrived == long.arrived
    assert short.recorded == long.recorded
