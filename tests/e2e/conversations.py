"""Conversations of HTTP/1.1 by the thousand, the same for the same seed: what clients send, and what origins answer.

Most of it is well-formed and asked for again and again, as clients do; the last word of a conversation may be anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Final

from tests.e2e.origin import HELLO, read_request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.e2e.origin import Visit

POLICY: Final = """
rules:
  - {id: no-uploads, action: deny, reason: nobody uploads here, when: {path: {prefix: [/refused]}}}
  - {id: no-programs, action: deny, reason: no programs, when: {response.type: [application/x-program]}}
headers:
  - {request: {remove: [X-Secret], set: {X-Set: ours}}, response: {remove: [X-Origin], add: {X-Added: ours}}}
"""
"""What is refused of it, and changed."""
_PATH: Final = re.compile(rb"[A-Z]+ /(answers|pieces)/(\d+)")
_LENGTH: Final = b"Content-Length: 5\r\n"
_END: Final = b"\r\n\r\n"
ANSWERS: Final = (
    HELLO,
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"X-Hop: 1\r\nConnection: X-Hop\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\n" + _LENGTH + b"Content-Type: Text/HTML; a=b\r\n\r\nhello",
    b"HTTP/1.1 500 Oh\r\n" + _LENGTH + b"\r\nhello",
    b"HTTP/1.1 302 Found\r\n" + _LENGTH + b"Location: http://origin.example/x\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HELLO,
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"Content-Type: application/x-program\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n" + b"x" * 150_000,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nyou\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n' + _LENGTH + b"\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-program\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 200\r\n" + _LENGTH + b"\r\nhello",
    b"HTTP/1.0 200 OK\r\n" + _LENGTH + b"\r\nhello",
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"Content-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"X A: b\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n" + _LENGTH + b"X-A: b\x00c\r\n\r\nhello",
)
"""What the origin answers at `/answers/N`, and at `/pieces/N` bit by bit. It goes on behind all of them."""

_GOOD: Final = 20
"""So many answers are ones that a client can be given."""
_METHODS: Final = (b"GET",) * 9 + (b"HEAD", b"DELETE", b"OPTIONS", b"POST", b"PUT")
_PATHS: Final = (b"/in", b"/in?q=1", b"/in/x", b"/in/y", b"/in/%41", b"/in/../out", b"/refused/x", b"/refused/y?z")
_FIELDS: Final = (
    b"Accept: */*\r\n",
    b"Connection: keep-alive\r\n",
    b"X-Secret: 1\r\n",
    b"Cookie: a=b\r\nCookie: c=d\r\n",
    b"X-Mine: 1\r\nConnection: X-Mine\r\n",
    b"TE: trailers\r\n",
    b"Via: 1.1 other\r\n",
    b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
    b"X-Forwarded-For: 192.0.2.1\r\n",
    b"User-Agent: " + b"x" * 300 + b"\r\n",
)
_ODD: Final = (
    b"Host: other.example\r\n",
    b"X-A: b\nX-C: d\r\n",
    b"X-A: b\x01\r\n",
    b"X-A: b\rc\r\n",
    b"X-A: b\r\n c\r\n",
    b"X-A\r\n",
    b"X A: b\r\n",
    b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    b"Content-Length: 3\r\nContent-Length: 4\r\n",
    b"Content-Length: +3\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
    b"Expect: something\r\n",
    b"X-Long: " + b"x" * 9000 + b"\r\n",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is sent at one time, how many answers it asks for, and whether they have bodies.

    `apart` bytes at its end are sent by themselves.
    """

    sent: bytes
    answers: int = 1
    bodies: bool = True
    apart: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """One connection: exchange after exchange, then the last word, behind which the gateway closes."""

    exchanges: tuple[Exchange, ...]
    last: bytes


def conversations(seed: int, exchanges: int, host: bytes, start: bytes = b"") -> Iterator[Conversation]:
    """Conversations of so many exchanges in all, with a host; targets begin with `start`, for a proxy."""
    draw, made = Random(seed), 0
    while made < exchanges:
        said = tuple(_exchanges(draw, host, start))
        made += len(said) + 1
        yield Conversation(said, _last(draw, host, start))


def _exchanges(draw: Random, host: bytes, start: bytes) -> Iterator[Exchange]:
    before = _exchange(draw, host, start)
    for _ in range(draw.randrange(10, 40)):
        if draw.random() < 0.2:
            before = _exchange(draw, host, start)
        yield before


def _exchange(draw: Random, host: bytes, start: bytes) -> Exchange:
    method, path = draw.choice(_METHODS), draw.choice(_PATHS)
    if draw.random() < 0.6:
        way = draw.choice((b"/answers/%d", b"/pieces/%d"))
        path = way % draw.randrange(len(ANSWERS) if draw.random() < 0.05 else _GOOD)
    fields = b"".join(draw.sample(_FIELDS, draw.randrange(4)))
    body = _body(draw) if method in {b"POST", b"PUT"} else b"\r\n"
    sent = method + b" " + start + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + fields + body
    if draw.random() < 0.05 and method == b"GET":
        return Exchange(sent * 2, answers=2)
    apart = draw.choice((0, len(body), len(body) // 2)) if body.startswith(b"Content-Length") else 0
    return Exchange(sent, bodies=method != b"HEAD", apart=min(apart, len(sent) - sent.index(b"\r\n\r\n") - 4))


def _body(draw: Random) -> bytes:
    data = b"x" * draw.choice((0, 1, 5, 3000))
    if draw.random() < 0.5 and data:
        return b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    return b"Content-Length: %d\r\n\r\n%s" % (len(data), data)


def _last(draw: Random, host: bytes, start: bytes) -> bytes:
    """A request that ends its connection, or something before it that may be wrong in any way."""
    line = b"GET " + start + b"/last HTTP/1.1\r\n"
    plain = line + b"Host: " + host + b"\r\n"
    last = plain + b"Connection: close\r\n\r\n"
    match draw.randrange(4):
        case 0:
            return last
        case 1:
            return plain + draw.choice(_ODD) + b"\r\n" + last
        case 2:
            at = draw.randrange(len(line))
            return plain[:at] + draw.choice((b"\x00", b" ", b"\n", b"\t", b"\xff", b":")) + plain[at:] + b"\r\n" + last
        case _:
            return plain.replace(b"GET", b"POST", 1) + b"Content-Length: 3\r\n\r\nabcdef\r\n\r\n" + last


def answering(connection: socket.socket, visit: Visit) -> None:
    """An origin that answers as the path says, and never with a body where there can be none."""
    while asked := read_request(connection, visit):
        found = _PATH.match(asked)
        said = HELLO if found is None else ANSWERS[int(found[2])]
        said = _heads(said) if asked.startswith(b"HEAD ") else said
        for piece in _pieces(said) if found is not None and found[1] == b"pieces" else (said,):
            connection.sendall(piece)


def _heads(said: bytes) -> bytes:
    """An answer without its body: its head, and the one of an early answer before it."""
    early = said.index(_END) + len(_END) if said.startswith(b"HTTP/1.1 103 ") else 0
    return said[: said.index(_END, early) + len(_END)]


def _pieces(said: bytes) -> tuple[bytes, ...]:
    """An answer in four pieces, of which the first may end with the head or within it."""
    end = said.find(b"\r\n\r\n") + 4
    cuts = sorted({len(said) // 3, end, end + 2, len(said)})
    return tuple(said[start:stop] for start, stop in pairwise([0, *cuts]) if said[start:stop])
