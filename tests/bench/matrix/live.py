"""What speaks on and on, both ends of it: WebSockets that echo, and streams of events (SSE), one event after the other.

The origin runs in a process of its own. It sends the next event of a stream when it is told, on a connection without a
proxy, that the one before has come: so a proxy cannot put many into one piece, and the time of each can be taken.

Source: RFC 6455 sections 1.3, 5.2; HTML, section 9.2 (server-sent events).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import re
import sys
from collections import defaultdict
from time import perf_counter
from typing import TYPE_CHECKING, Final

from tests.bench.load import Wrong
from tests.bench.matrix.cells import Sample

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TEXT: Final = b"a message of sixty-four bytes, which is what people say in a row"
EVENT: Final = b"data: an event of no great length\n\n"
_SENT: Final = b"\x81" + bytes([0x80 | len(TEXT)]) + bytes(4) + TEXT
_MASK: Final = 4
_RECEIVED: Final = b"\x81" + bytes([len(TEXT)]) + TEXT
_KEY: Final = re.compile(rb"^sec-websocket-key:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATIENCE: Final = 10.0

type _Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Origin:
    """Serves `/socket` and `/events/NAME`; a connection that begins with `next` names streams whose turn it is."""

    def __init__(self) -> None:
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(1))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line.startswith(b"next"):
                await self._take_turns(reader)
            elif b"/socket" in line:
                await self._echo(reader, writer)
            elif b"/events/" in line:
                await self._tell(line.split()[1].rpartition(b"/")[2].decode(), reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _take_turns(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self._turns[line.decode().strip()].release()

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = _KEY.search(await reader.readuntil(b"\r\n\r\n"))
        assert found is not None
        accept = base64.b64encode(hashlib.sha1(found[1] + _MAGIC, usedforsecurity=False).digest())
        upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + upgrade)
        writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:
            head = await reader.readexactly(2)
            if head[0] != _SENT[0]:
                return
            await reader.readexactly((head[1] & 0x7F) + _MASK)
            writer.write(_RECEIVED)

    async def _tell(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        fields = b"Content-Type: text/event-stream\r\nCache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + fields)
        gone = asyncio.ensure_future(reader.read())
        try:
            while not gone.done():
                await self._turns[name].acquire()
                writer.write(f"{len(EVENT):x}\r\n".encode() + EVENT + b"\r\n")
                await writer.drain()
        finally:
            gone.cancel()
            self._turns.pop(name, None)


async def echoes(proxy: int, seconds: float, clients: int) -> Sample:
    """Messages there and back, each client one after the other."""
    key = base64.b64encode(os.urandom(16)).decode()
    fields = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"

    async def one(_: int, end: Callable[[], bool]) -> list[float]:
        reader, writer = await _opened(proxy, "/live/socket", fields, b" 101 ")
        times: list[float] = []
        while not (times and end()):
            began = perf_counter()
            writer.write(_SENT)
            if await reader.readexactly(len(_RECEIVED)) != _RECEIVED:
                raise Wrong("another message came back")
            times.append(perf_counter() - began)
        writer.close()
        return times

    return await _all(one, seconds, clients)


async def events(proxy: int, origin: int, seconds: float, clients: int) -> Sample:
    """Events one after the other on every stream."""
    _, telling = await asyncio.open_connection("127.0.0.1", origin)
    telling.write(b"next\n")
    run = os.urandom(4).hex()

    async def one(number: int, end: Callable[[], bool]) -> list[float]:
        name = f"{run}-{number}"
        reader, writer = await _opened(proxy, f"/live/events/{name}", "Accept: text/event-stream\r\n", b" 200 ")
        times: list[float] = []
        await reader.readuntil(EVENT)
        while not (times and end()):
            began = perf_counter()
            telling.write(f"{name}\n".encode())
            await reader.readuntil(EVENT)
            times.append(perf_counter() - began)
        writer.close()
        return times

    return await _all(one, seconds, clients)


async def _opened(port: int, path: str, fields: str, wanted: bytes) -> _Ends:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if wanted not in head.partition(b"\r\n")[0]:
        raise Wrong(head.partition(b"\r\n")[0].decode("latin-1"))
    return reader, writer


async def _all(
    one: Callable[[int, Callable[[], bool]], Awaitable[list[float]]], seconds: float, clients: int
) -> Sample:
    async with asyncio.timeout(seconds + _PATIENCE):
        began = perf_counter()
        lists = await asyncio.gather(*(one(each, lambda: perf_counter() > began + seconds) for each in range(clients)))
        took = perf_counter() - began
    return Sample.of_times([time for times in lists for time in times], took, clients)


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_Origin().serve, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
