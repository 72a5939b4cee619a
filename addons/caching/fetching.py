"""One answer of a server, asked for by the gateway itself: HTTP/1.1 on a connection of its own, read within a bound.

The answer has to say where it ends: one that ends with its connection may have been cut (RFC 9111 section 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import h11
from mitmproxy.http import Headers, Response

from addons.judging import heads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from addons.upstream.probes import Plain, Sealed
    from gateway.policy.headers import RawField

_MOST_HEAD: Final = 64 * 1024
_EMPTY: Final = frozenset({204, 304})
_ONE_HOP: Final = frozenset({b"connection", b"content-length", b"expect", b"te", b"transfer-encoding", b"upgrade"})
_NOT_ASKED: Final = _ONE_HOP | {b"if-none-match", b"if-modified-since", b"if-range", b"range"}


class Broken(Exception):  # noqa: N818 - it says how the answer is
    """An answer cannot be read, or is none."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `body` is None if it is larger than it may be, or nobody can tell whether it is whole."""

    status: int
    raw: tuple[RawField, ...]
    body: bytes | None


def question(target: str, fields: Iterable[RawField], asks: Iterable[RawField]) -> bytes:
    """The bytes of a GET for `target` with these fields, and with what `asks` whether a kept answer still holds."""
    kept = [(name, value) for name, value in fields if name.lower() not in _NOT_ASKED]
    request = h11.Request(method="GET", target=target, headers=[*kept, *asks, (b"Connection", b"close")])
    client = h11.Connection(h11.CLIENT)
    return (client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b"")


async def fetched(wire: Plain | Sealed, request: bytes, most: int) -> Fetched:
    """Send a request, read its answer, `most` bytes of its content. Raises Broken, and OSError."""
    reading = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
    reading.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    reading.send(h11.EndOfMessage())
    await wire.write(request)
    try:
        return await _read(wire, reading, most)
    except h11.RemoteProtocolError as error:
        raise Broken(str(error)) from error


async def _read(wire: Plain | Sealed, reading: h11.Connection, most: int) -> Fetched:
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = reading.next_event()
        if event is h11.NEED_DATA:
            reading.receive_data(await wire.read())
        elif isinstance(event, h11.Response):
            head = event
            _check(event)
        elif isinstance(event, h11.Data) and head is not None:
            body += event.data
            if len(body) > most:
                return _answer(head, None)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _answer(head, bytes(body) if _says_its_end(head) and not event.headers else None)
        elif not isinstance(event, h11.InformationalResponse):
            raise Broken("it gave no answer")


def _answer(head: h11.Response, body: bytes | None) -> Fetched:
    return Fetched(head.status_code, _fields(head), body)


def _fields(head: h11.Response) -> tuple[RawField, ...]:
    return tuple((bytes(name), bytes(value)) for name, value in head.headers.raw_items())


def _check(head: h11.Response) -> None:
    response = Response.make(head.status_code)
    response.headers = Headers(_fields(head))
    if not heads.is_clean(response):
        raise Broken("its head breaks the protocol")


def _says_its_end(head: h11.Response) -> bool:
    framed = {bytes(name) for name, _ in head.headers} & {b"content-length", b"transfer-encoding"}
    return bool(framed) or head.status_code in _EMPTY
