"""WebSockets end where a message is larger than it may be, whichever side sends it, and however it is packed."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, Visit, client, read_head, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

MOST = 100_000
ASK = (
    b"GET /chat HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
TOO_BIG = b"\x88\x02\x03\xf1"
"""A close frame of a server that says 1009."""
FIRST, MORE, LAST = 0x02, 0x00, 0x80
WHOLE = FIRST | LAST
DEFLATED = WHOLE | 0x40


def frame(opcode: int, data: bytes, *, masked: bool) -> bytes:
    """One frame; the mask of a test is zero, so that what is sent can be read."""
    length = len(data)
    mask = 0x80 if masked else 0
    if length < 126:
        head = bytes([opcode, mask | length])
    elif length < 65536:
        head = bytes([opcode, mask | 126]) + length.to_bytes(2)
    else:
        head = bytes([opcode, mask | 127]) + length.to_bytes(8)
    return head + (bytes(4) if masked else b"") + data


def deflated(size: int) -> bytes:
    """A message that is much larger than what is sent of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def hear(connection: socket.socket, visit: Visit) -> None:
    """An origin that accepts a WebSocket and only listens."""
    origins.read_request(connection, visit)
    connection.sendall(ACCEPT)
    while data := connection.recv(65536):
        visit.data += data


@contextmanager
def chat(folder: Path) -> Iterator[tuple[Running, Origin]]:
    with origins.origin() as served:
        served.serve = hear
        scenery = Scenery(folder=folder, origin=served.port, limits=LimitSettings(message=MOST))
        with serving(scenery) as gateway:
            yield gateway, served


def everything(connection: socket.socket) -> bytes:
    heard = bytearray()
    while data := connection.recv(65536):
        heard += data
    return bytes(heard)


@pytest.mark.parametrize(
    "frames",
    [
        [frame(WHOLE, bytes(MOST + 1), masked=True)],
        [frame(FIRST, bytes(MOST), masked=True), frame(MORE, b"x", masked=True)],
        [frame(FIRST, bytes(60_000), masked=True), *[frame(MORE, bytes(60_000), masked=True)] * 20],
        [frame(DEFLATED, deflated(MOST + 1), masked=True)],
        [frame(DEFLATED, deflated(5_000_000), masked=True)],
    ],
    ids=["one frame", "one byte more", "no end", "inflated", "inflated in one read"],
)
def test_a_message_that_is_too_large_ends_the_websocket_and_is_not_passed_on(
    frames: list[bytes], tmp_path: Path
) -> None:
    with chat(tmp_path) as (gateway, origin), client(gateway.reverse) as connection:
        connection.sendall(ASK)
        assert status_of(read_head(connection)) == 101
        for each in frames:
            connection.sendall(each)
        heard = everything(connection)
        until(lambda: ("end", 101) in gateway.exchanges(), "the end was never recorded")
        ends = [each for each in gateway.records() if each["event"] == "end"]

        assert heard == TOO_BIG
        assert len(origin.received) < len(ASK) + 1000
        assert [each["reason"] for each in ends] == ["body-too-large"]


def test_a_message_of_the_origin_that_is_too_large_ends_it_too(tmp_path: Path) -> None:
    def tell(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        connection.sendall(ACCEPT + frame(WHOLE, bytes(MOST + 1), masked=False))
        while data := connection.recv(65536):
            visit.data += data

    with chat(tmp_path) as (gateway, origin), client(gateway.reverse) as connection:
        origin.serve = tell
        connection.sendall(ASK)
        assert status_of(read_head(connection)) == 101

        assert everything(connection) == TOO_BIG


def test_messages_up_to_the_bound_pass_whole_however_they_are_cut(tmp_path: Path) -> None:
    half = bytes(MOST // 2)
    with chat(tmp_path) as (gateway, _), client(gateway.reverse) as connection:
        connection.sendall(ASK)
        assert status_of(read_head(connection)) == 101
        connection.sendall(frame(WHOLE, bytes(MOST), masked=True))
        connection.sendall(frame(FIRST, half, masked=True) + frame(MORE | LAST, half, masked=True))
        connection.sendall(frame(DEFLATED, deflated(MOST), masked=True))
        connection.sendall(b"\x88\x80" + bytes(4))
        heard = everything(connection)
        until(lambda: ("end", 101) in gateway.exchanges(), "the end was never recorded")
        (end,) = [each for each in gateway.records() if each["event"] == "end"]

    assert TOO_BIG not in heard
    assert (end["reason"], end["bytes"]["up"]) == (None, 3 * MOST)
