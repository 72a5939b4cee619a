"""Connections to name servers, kept and used again: one per server, opened when it is needed.

TLS proves the name that the configuration gives, against the system's authorities or a file of one's own; where it
cannot, nothing is asked. A connection that fell asleep is closed by the server, or found out by a question that is
not answered: it is dropped, and the next question opens another one.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from typing import TYPE_CHECKING, Final

from gateway.upstreams.nameservers.channels import Channel, Stream
from gateway.upstreams.nameservers.messages import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.upstreams.nameservers.servers import NameServer

NOT_TRUSTED: Final = "the name server's certificate is not trusted"
UNREACHABLE: Final = "the name servers cannot be reached"
NO_FILES: Final = "the gateway has too many files open"
_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})


class Connections:
    """Opens and keeps them. `trust` proves who the servers are; those that are asked in the open need none."""

    def __init__(self, trust: Callable[[], ssl.SSLContext] | None = None) -> None:
        self._contexts: Final = {} if trust is None else {name: _speaking(trust(), name) for name in ("h2", "dot")}
        self._kept: Final[dict[NameServer, Channel]] = {}
        self._opening: Final[dict[NameServer, asyncio.Lock]] = {}

    async def ask(self, server: NameServer, wire: bytes) -> bytes:
        """The answer of a server to a question, over TCP. The caller brings the deadline. Raises OSError, NoAnswer."""
        channel = await self._channel(server)
        was_used, heard = channel.used, channel.heard
        try:
            return await channel.ask(wire)
        except NoAnswer:
            if not (was_used and channel.closed is not None):
                raise
        except asyncio.CancelledError:
            if channel.heard == heard:
                channel.fail("the name server was silent")
            raise
        return await (await self._channel(server)).ask(wire)  # it had been closed behind our back

    def close(self) -> None:
        """Close every connection; what is waited for on them fails."""
        for channel in self._kept.values():
            channel.fail("the gateway ends")
        self._kept.clear()

    async def _channel(self, server: NameServer) -> Channel:
        async with self._opening.setdefault(server, asyncio.Lock()):
            kept = self._kept.get(server)
            if kept is None or kept.closed is not None:
                kept = self._kept[server] = await self._open(server)
            return kept

    async def _open(self, server: NameServer) -> Channel:
        loop, place = asyncio.get_running_loop(), (str(server.address), server.port)
        if not server.encrypted:
            return (await loop.create_connection(Stream, *place))[1]
        from gateway.upstreams.nameservers.https import Posts  # noqa: PLC0415 - HTTP/2 only for whom it is asked over

        def over_https() -> Channel:
            return Posts(server)

        kind = Stream if server.transport == "tls" else over_https
        context = self._contexts["h2" if server.transport == "https" else "dot"]
        opened = await loop.create_connection(kind, *place, ssl=context, server_hostname=server.name.text)
        return opened[1]


def trusting(file: Path | None) -> ssl.SSLContext:
    """What certificates of name servers are checked with: the system's authorities, or those of a file.

    Raises ValueError for a file that holds none.
    """
    try:
        context = ssl.create_default_context(cafile=None if file is None else str(file))
    except OSError as error:
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else (error.strerror or "unreadable").lower()
        raise ValueError(f"`resolver.trust`: {file} cannot be used: {why}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _speaking(context: ssl.SSLContext, protocol: str) -> ssl.SSLContext:
    context.set_alpn_protocols([protocol])
    return context


def words_for(error: OSError) -> str:
    """What went wrong with a connection, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NOT_TRUSTED
    if isinstance(error, ssl.SSLError):
        return "the name server does not speak TLS"
    return NO_FILES if error.errno in _OUT_OF_FILES else UNREACHABLE
