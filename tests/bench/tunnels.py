"""What is at the two ends of a tunnel that is measured: an origin that pours, in a process of its own, and clients.

A tunnel opens with a TLS hello, so that a proxy can decide to pass it on unread; behind it speaks neither end TLS. The
origin answers with one byte, then with as many bytes as the next eight ask for.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.bench.load import Wrong
from tests.e2e.origin import hello_bytes, read_head, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB: Final = 1024 * 1024
HELLO: Final = hello_bytes(None)
AT_ONCE: Final = 16
"""Tunnels that are opened at one time when tunnels per second are counted."""
_PATIENCE: Final = 30.0
_SIZE: Final = 8


def open_tunnel(proxy: int | None, origin: int) -> socket.socket:
    """A tunnel through `proxy` to `origin`, which has answered; without a proxy, a connection. Raises Wrong."""
    connection = socket.create_connection(("127.0.0.1", origin if proxy is None else proxy), timeout=_PATIENCE)
    if proxy is not None:
        connection.sendall(_connect(origin))
        if status_of(read_head(connection)) != 200:
            raise Wrong("the tunnel was refused")
    connection.sendall(HELLO)
    if connection.recv(1) != b"k":
        raise Wrong("the origin was not reached")
    return connection


def _connect(origin: int) -> bytes:
    return f"CONNECT 127.0.0.1:{origin} HTTP/1.1\r\nHost: 127.0.0.1:{origin}\r\n\r\n".encode()


def pull(connection: socket.socket, megabytes: int) -> float:
    """Let so much come down a tunnel; how many seconds that took. Raises Wrong if some of it is missing.

    The kernel counts the bytes and throws them away (MSG_TRUNC): what is measured is the tunnel, not its end.
    """
    into, rest, begun = bytearray(MIB), megabytes * 10**6, time.perf_counter()
    connection.sendall(rest.to_bytes(_SIZE))
    while rest > 0:
        read = connection.recv_into(into, 0, socket.MSG_TRUNC)
        if not read:
            raise Wrong(f"{rest} bytes are missing")
        rest -= read
    return time.perf_counter() - begun


def tunnels_in(proxy: int | None, origin: int, seconds: float, at_once: int = AT_ONCE) -> tuple[list[float], float]:
    """Open tunnels, use each for one byte and close it: how long each took, and all of them, in seconds."""
    return asyncio.run(_tunnels_in(proxy, origin, seconds, at_once))


async def _tunnels_in(proxy: int | None, origin: int, seconds: float, at_once: int) -> tuple[list[float], float]:
    begun = time.perf_counter()
    end = begun + seconds
    done = await asyncio.gather(*(_one_after_the_other(proxy, origin, end) for _ in range(at_once)))
    return [each for times in done for each in times], time.perf_counter() - begun


async def _one_after_the_other(proxy: int | None, origin: int, end: float) -> list[float]:
    times: list[float] = []
    while (begun := time.perf_counter()) < end:
        reader, writer = await asyncio.open_connection("127.0.0.1", origin if proxy is None else proxy)
        if proxy is not None:
            writer.write(_connect(origin))
            head = await reader.readuntil(b"\r\n\r\n")
            if status_of(head) != 200:
                raise Wrong("a tunnel was refused")
        writer.write(HELLO)
        if await reader.readexactly(1) != b"k":
            raise Wrong("the origin was not reached")
        writer.close()
        times.append(time.perf_counter() - begun)
    return times


class _Pouring(asyncio.Protocol):
    """The origin's end of a connection. It pours pieces of one block as fast as they are taken."""

    def __init__(self, block: memoryview) -> None:
        self._block = block
        self._is_greeted = False
        self._pieces: Iterator[memoryview] | None = None
        self._is_paused = False
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._is_greeted:
            self._is_greeted = True
            self._transport.write(b"k")
        else:
            self._pieces = _pieces(self._block, int.from_bytes(data[-_SIZE:]))
            self._pour()

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        asyncio.get_running_loop().call_soon(self._pour)

    def _pour(self) -> None:
        while self._pieces is not None and not self._is_paused:
            piece = next(self._pieces, None)
            if piece is None:
                return
            self._transport.write(piece)


def _pieces(block: memoryview, size: int) -> Iterator[memoryview]:
    while size > 0:
        yield block[: min(size, len(block))]
        size -= len(block)


async def _serve(port: int) -> None:
    block = memoryview(bytes(MIB))
    server = await asyncio.get_running_loop().create_server(lambda: _Pouring(block), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
