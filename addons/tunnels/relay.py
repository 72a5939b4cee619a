"""A tunnel that is passed on unread: two sockets, each written what is read from the other, and nothing in between.

There is no task, no queue and no layer: what one transport reads is written to the other in the same breath. A side
that takes nothing stops the reading of the other (backpressure), the end of one direction is passed on as an end
(half-close, RFC 9293 section 3.6), a reset as a reset, and nothing is read after an end, because asyncio would tell of
it twice.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final, override

if TYPE_CHECKING:
    from collections.abc import Callable

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport) -> None:
    """Close a socket with a reset, at once: nobody can take what it got for the whole."""
    with suppress(OSError, AttributeError):  # a socket that is gone already needs none
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def unread(reader: asyncio.StreamReader, data: bytes) -> None:
    """Put bytes back that were read, in front of what has come meanwhile."""
    reader._buffer[:0] = data  # type: ignore[attr-defined]  # noqa: SLF001 - who reads on has to find them there ## typeshed hides it


class Side(asyncio.Protocol):
    """One end of a tunnel. `passed` counts the bytes that were read here and given to the other end."""

    __slots__ = ("_lost", "has_ended", "is_lost", "other", "passed", "transport")

    def __init__(self, transport: asyncio.Transport, lost: Callable[[], None]) -> None:
        self.transport: Final = transport
        self.other: Side = self
        self.passed = 0
        self.has_ended = False
        self.is_lost = False
        self._lost: Final = lost

    @override
    def data_received(self, data: bytes) -> None:
        self.passed += len(data)
        self.other.transport.write(data)

    @override
    def pause_writing(self) -> None:
        other = self.other
        if not other.has_ended:
            other.transport.pause_reading()

    @override
    def resume_writing(self) -> None:
        other = self.other
        if not other.has_ended:
            other.transport.resume_reading()

    @override
    def eof_received(self) -> bool:
        self.has_ended = True
        if self.other.has_ended:
            self.transport.close()
            self.other.transport.close()
        else:
            try:
                self.other.transport.write_eof()
            except OSError:
                reset(self.other.transport)
        return True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if exc is not None and not self.other.is_lost:
            reset(self.other.transport)
        self._lost()


class Relay:
    """Joins two transports; whatever their protocols have read before has to be passed on by `go_on`."""

    __slots__ = ("_client", "_over", "_server")

    def __init__(self, client: asyncio.Transport, server: asyncio.Transport) -> None:
        self._over: Final[asyncio.Future[None]] = asyncio.get_running_loop().create_future()
        self._client: Final = Side(client, self._look)
        self._server: Final = Side(server, self._look)
        self._client.other, self._server.other = self._server, self._client
        for side in (self._client, self._server):
            side.transport.set_protocol(side)

    def go_on(self, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        """Pass on what these readers still hold, and read on where they stopped."""
        for side, reader in ((self._client, client), (self._server, server)):
            side.transport.resume_reading()
            waiting = bytes(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way that cannot wait ## typeshed hides it
            reader._buffer.clear()  # type: ignore[attr-defined]  # noqa: SLF001 - it was taken ## typeshed hides it
            if waiting:
                side.data_received(waiting)
            if reader.at_eof():
                side.eof_received()
            reader.feed_eof()

    @property
    def up(self) -> int:
        """Bytes from the client."""
        return self._client.passed

    @property
    def down(self) -> int:
        """Bytes from the server."""
        return self._server.passed

    def abort(self) -> None:
        """End it with a reset to both sides; a second call does nothing."""
        for side in (self._client, self._server):
            if not side.is_lost:
                reset(side.transport)

    async def until_over(self) -> None:
        """Wait until both sides are closed."""
        await self._over

    def _look(self) -> None:
        if self._client.is_lost and self._server.is_lost and not self._over.done():
            self._over.set_result(None)
