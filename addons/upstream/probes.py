"""One look at one server: a request of the gateway's own, of whose answer nothing but the status is read.

It goes the way of every request: the name is resolved, every address judged, a judged one dialled, and TLS verified
against the name. No redirect is followed, no body read, and nothing of the gateway is told but that it looks.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from OpenSSL import SSL

from addons.tls.failures import why_failed
from addons.upstream.connecting import NotConnected, connect
from gateway.upstreams.resolver import Unresolved

if TYPE_CHECKING:
    from addons.upstream.connecting import Streams, Ways
    from gateway.policy.addresses import Address
    from gateway.upstreams.pools.rules import CheckRules
    from gateway.upstreams.resolver import Resolver
    from gateway.upstreams.routes import Server

MOST: Final = 32 * 1024
"""Bytes of an answer that are read at most."""
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_INTERIM: Final = range(100, 200)
_PORTS: Final = {"http": 80, "https": 443}
_CHUNK: Final = 4096


class Unwell(Exception):  # noqa: N818 - it says how the server is
    """A server is not as it should be; the text says why, in a few words."""


class Law(Protocol):
    """What holds for requests to a server, and so for looking at it."""

    def is_open(self, addresses: tuple[Address, ...], /) -> bool:
        """Whether requests may go to these addresses."""
        ...

    def towards(self, name: str, /) -> SSL.Connection:
        """The client's end of TLS, for whoever has to prove to be `name`."""
        ...


@dataclass(frozen=True, slots=True)
class Probe:
    """How servers are looked at."""

    resolver: Resolver
    ways: Ways

    async def look(self, server: Server, check: CheckRules, law: Law) -> None:
        """Ask a server how it is. Raises Unwell if the answer is not good, or does not come in time."""
        try:
            async with asyncio.timeout(check.timeout):
                status = await self._status(server, check.path, law)
        except TimeoutError:
            raise Unwell(f"no answer within {check.timeout:g} s") from None
        if not check.is_good(status):
            raise Unwell(f"it answered {status}")

    async def _status(self, server: Server, path: str, law: Law) -> int:
        try:
            addresses = await self.resolver.resolve(server.host)
        except Unresolved as unresolved:
            raise Unwell(unresolved.why) from None
        if not law.is_open(addresses):
            raise Unwell("the policy refuses its address")
        try:
            streams = await connect(addresses, server.port, self.ways)
        except NotConnected:
            raise Unwell("it cannot be reached") from None
        try:
            said: Plain | Sealed = Plain(streams)
            if server.scheme == "https":
                said = await shaken(Plain(streams), law.towards(server.host.text))
            return await _asked(said, _request(server, path))
        except (OSError, SSL.Error):
            raise Unwell("the connection broke") from None
        finally:
            streams[1].transport.abort()


@dataclass(slots=True)
class Plain:
    """A connection as it is."""

    streams: Streams

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        self.streams[1].write(data)
        await self.streams[1].drain()

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        return await self.streams[0].read(_CHUNK)


@dataclass(slots=True)
class Sealed:
    """A connection with TLS on it."""

    plain: Plain
    tls: SSL.Connection

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        self.tls.sendall(data)
        await self.flush()

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        while True:
            try:
                return self.tls.recv(_CHUNK)
            except SSL.WantReadError:
                if not await self.fill():
                    return b""
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""

    async def flush(self) -> None:
        """Send what TLS has to say."""
        with suppress(SSL.WantReadError):
            while True:
                await self.plain.write(self.tls.bio_read(MOST))

    async def fill(self) -> bool:
        """Wait for more; False at the end."""
        await self.flush()
        piece = await self.plain.read()
        if piece:
            self.tls.bio_write(piece)
        return bool(piece)


async def _asked(said: Plain | Sealed, request: bytes) -> int:
    await said.write(request)
    answer = bytearray()
    while (status := _final_status(answer)) is None:
        piece = await said.read()
        answer += piece
        if not piece or len(answer) > MOST:
            raise Unwell("it gave no answer that can be read")
    return status


async def shaken(plain: Plain, connection: SSL.Connection) -> Sealed:
    """A connection on which TLS was agreed. Raises Unwell."""
    sealed = Sealed(plain, connection)
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            if not await sealed.fill():
                raise Unwell("it broke off the TLS handshake") from None
        except SSL.Error as error:
            reason = why_failed(connection, error).replace("upstream-", "")
            raise Unwell(f"the TLS handshake failed: {reason}") from None
        else:
            return sealed


def _request(server: Server, path: str) -> bytes:
    host = server.host.authority(server.port, _PORTS[server.scheme])
    fields = ("User-Agent: health-check", "Accept: */*", "Connection: close")
    return "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "", "")).encode("ascii")


def _final_status(answer: bytearray) -> int | None:
    """The status of an answer whose head is whole; interim answers before it are passed over."""
    while b"\r\n\r\n" in answer:
        found = _STATUS_LINE.match(answer)
        if found is None:
            raise Unwell("it gave no answer that can be read")
        status = int(found[1])
        if status not in _INTERIM:
            return status
        del answer[: answer.index(b"\r\n\r\n") + 4]
    return None
