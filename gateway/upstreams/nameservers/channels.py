"""A connection to a name server that carries many questions at a time, plain or in TLS: DNS over TCP, DNS over TLS.

Every question on it gets an id of the channel's own, so that two of them are never mistaken for each other. A channel
keeps no task and no timer: it is woken by what arrives, and whoever asked brings the deadline.

Sources: RFC 7766 (length and message, many in flight), RFC 7858 (over TLS).
"""

from __future__ import annotations

import asyncio
import secrets
from abc import abstractmethod
from typing import Final, cast, override

from gateway.upstreams.nameservers.messages import LARGEST, NoAnswer

CLOSED: Final = "the name server closed the connection"
_LENGTH: Final = 2
_HEAD: Final = 12


class Channel(asyncio.Protocol):
    """What all channels have: answers are waited for by a number, and all fail when the connection does.

    `used` tells whether something was asked, `heard` counts the pieces that came back, `closed` says why it ended.
    """

    def __init__(self) -> None:
        self.waiting: Final[dict[int, asyncio.Future[bytes]]] = {}
        self.used = False
        self.heard = 0
        self.closed: str | None = None
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(CLOSED)

    async def ask(self, wire: bytes) -> bytes:
        """The answer to a question, with the id of the question. Raises NoAnswer."""
        self.used = True
        if self.closed is not None:
            raise NoAnswer(self.closed)
        number = self.send(wire)
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting[number] = waiting
        try:
            return wire[:_LENGTH] + (await waiting)[_LENGTH:]
        finally:
            self.forget(number)

    @abstractmethod
    def send(self, wire: bytes) -> int:
        """Send a question; gives the number by which its answer will be known."""

    def forget(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self.waiting.pop(number, None)

    def write(self, data: bytes) -> None:
        """Send bytes, if there still is a connection."""
        if self._transport is not None and data:
            self._transport.write(data)

    def answered(self, number: int, wire: bytes) -> None:
        """An answer arrived; one that nobody waits for is dropped."""
        waiting = self.waiting.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(wire)

    def refused(self, number: int, why: str) -> None:
        """There will be no answer to this question."""
        waiting = self.waiting.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(NoAnswer(why))

    def fail(self, why: str) -> None:
        """Nothing that this connection says is believed any more."""
        self.closed = self.closed or why
        for number in tuple(self.waiting):
            self.refused(number, why)
        if self._transport is not None:
            self._transport.abort()


class Stream(Channel):
    """Messages with their length in front."""

    def __init__(self) -> None:
        super().__init__()
        self._received: Final = bytearray()

    @override
    def send(self, wire: bytes) -> int:
        number = secrets.randbits(16)
        while number in self.waiting:
            number = secrets.randbits(16)
        self.write(len(wire).to_bytes(_LENGTH) + number.to_bytes(_LENGTH) + wire[_LENGTH:])
        return number

    @override
    def data_received(self, data: bytes) -> None:
        self.heard += 1
        self._received.extend(data)
        while len(self._received) >= _LENGTH and self.closed is None:
            length = int.from_bytes(self._received[:_LENGTH])
            if not _HEAD <= length <= LARGEST:
                self.fail("the name server's answer is too large" if length > LARGEST else "the answer is no message")
                return
            if len(self._received) < _LENGTH + length:
                return
            message = bytes(self._received[_LENGTH : _LENGTH + length])
            del self._received[: _LENGTH + length]
            self.answered(int.from_bytes(message[:_LENGTH]), message)
