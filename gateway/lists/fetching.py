"""One list fetched over HTTPS: asked whether it has changed, bounded in size and time, and whole or not at all.

The addresses are resolved once and the caller judges them; they are dialled with TLS verified against the name. A
redirect leads to the same host and port or nowhere: whoever may change what a server answers should not choose another
server. Nothing is decoded, so that nothing inflates.

Source: RFC 9110 sections 13.1 (conditions) and 15.4 (redirects), RFC 9112 section 8 (incomplete messages).
"""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import h11

from gateway.lists.feeds import Validators
from gateway.lists.source import LARGEST
from gateway.policy.errors import Malformed
from gateway.policy.language.feeds import HTTPS, parse_feed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.policy.addresses import Address
    from gateway.policy.language.clauses import Feed

DEADLINE: Final = 300.0
"""Seconds for the whole of a list."""
SILENCE: Final = 20.0
"""Seconds for a connection, and between two pieces of a list."""
_REDIRECTS: Final = 3
_PIECE: Final = 65_536
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class NotFetched(Exception):  # noqa: N818 - it says what came of it
    """Why nothing came, as the end of a sentence that begins with the URL."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list, and what its server said of it."""

    content: bytes
    validators: Validators


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    fields: dict[bytes, bytes]
    content: bytes

    def get(self, name: bytes) -> str | None:
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1")


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches. `resolve` gives the addresses of a feed's host that may be dialled, or raises NotFetched.

    `largest` is in bytes, `deadline` and `silence` in seconds.
    """

    resolve: Callable[[Feed], Awaitable[Sequence[Address]]]
    largest: int = LARGEST
    deadline: float = DEADLINE
    silence: float = SILENCE

    async def fetch(self, feed: Feed, known: Validators, context: ssl.SSLContext) -> Fetched | None:
        """The list, or None if it is the one that `known` is about. Raises NotFetched."""
        try:
            async with asyncio.timeout(self.deadline):
                return await self._fetch(feed, known, context)
        except TimeoutError:
            raise NotFetched(f"took longer than {self.deadline:g} s") from None

    async def _fetch(self, feed: Feed, known: Validators, context: ssl.SSLContext) -> Fetched | None:
        for _ in range(_REDIRECTS + 1):
            answer = await self._asked(feed, known, context)
            if answer.status in _MOVED:
                feed = _elsewhere(feed, answer.get(b"location"))
                continue
            if answer.status == _NOT_MODIFIED and known != Validators():
                return None
            if answer.status != _OK:
                raise NotFetched(f"answered {answer.status}")
            if (coding := answer.get(b"content-encoding")) not in {None, "identity"}:
                raise NotFetched(f"is encoded as `{coding}`, which nobody asked for")
            return Fetched(answer.content, Validators(answer.get(b"etag"), answer.get(b"last-modified")))
        raise NotFetched(f"redirects more than {_REDIRECTS} times")

    async def _asked(self, feed: Feed, known: Validators, context: ssl.SSLContext) -> _Answer:
        reader, writer = await self._connected(feed, context)
        try:
            writer.write(_request(feed, known))
            return await self._answer(reader)
        except OSError as error:
            raise NotFetched(f"broke off: {_why(error)}") from None
        except h11.RemoteProtocolError as error:
            raise NotFetched(f"sent no whole answer: {error}") from None
        finally:
            writer.transport.abort()

    async def _connected(
        self, feed: Feed, context: ssl.SSLContext
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        why = "has no address"
        for address in await self.resolve(feed):
            with suppress(TimeoutError):
                try:
                    async with asyncio.timeout(self.silence):
                        return await asyncio.open_connection(
                            str(address), feed.port, ssl=context, server_hostname=feed.host.text, limit=_PIECE
                        )
                except ssl.SSLCertVerificationError as error:
                    raise NotFetched(f"is not trusted: {error.verify_message}") from None
                except OSError as error:
                    why = f"cannot be reached: {_why(error)}"
                    continue
            why = "cannot be reached: no answer in time"
        raise NotFetched(why)

    async def _answer(self, reader: asyncio.StreamReader) -> _Answer:
        wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=_PIECE)
        wire.send(h11.Request(method="GET", target="/", headers=[("Host", "x"), ("Connection", "close")]))
        wire.send(h11.EndOfMessage())
        head: h11.Response | None = None
        content = bytearray()
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                wire.receive_data(await self._piece(reader))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > self.largest:
                    raise NotFetched(f"is larger than {self.largest} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _Answer(head.status_code, dict(head.headers), bytes(content))
            elif not isinstance(event, h11.InformationalResponse):
                raise NotFetched("sent no whole answer")

    async def _piece(self, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(self.silence):
                return await reader.read(_PIECE)
        except TimeoutError:
            raise NotFetched(f"was silent for {self.silence:g} s") from None


def _request(feed: Feed, known: Validators) -> bytes:
    fields = [
        f"GET {feed.target} HTTP/1.1",
        f"Host: {feed.host.authority(feed.port, HTTPS)}",
        "User-Agent: wicketgate",
        "Accept-Encoding: identity",
        "Connection: close",
        *([] if known.etag is None else [f"If-None-Match: {known.etag}"]),
        *([] if known.last_modified is None else [f"If-Modified-Since: {known.last_modified}"]),
    ]
    return "\r\n".join([*fields, "", ""]).encode("latin-1")


def _elsewhere(feed: Feed, location: str | None) -> Feed:
    """Where a redirect leads, if that is on the same server. Raises NotFetched."""
    if location is not None and location.startswith("/") and not location.startswith("//"):
        return replace(feed, target=location)
    try:
        there = parse_feed(location or "")
    except Malformed:
        raise NotFetched("redirects to what is no https URL") from None
    if (there.host, there.port) != (feed.host, feed.port):
        raise NotFetched(f"redirects to another server, `{there.host.text}`: name that one if it is meant")
    return there


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    return os.strerror(error.errno).lower() if error.errno else "it failed"
