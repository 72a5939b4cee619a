from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from addons.caching.fetching import Broken, Fetched, fetched, question
from addons.upstream.probes import Plain

FIELDS = (
    (b"Host", b"shop.example"),
    (b"Accept", b"text/html"),
    (b"If-None-Match", b'"of-the-client"'),
    (b"Range", b"bytes=0-1"),
    (b"Connection", b"keep-alive"),
    (b"X-Request-Id", b"01"),
)


@dataclass
class Recorded(Plain):
    """A connection whose other end says this, in pieces, and then ends."""

    streams: object = None  # type: ignore[assignment]  # nothing is connected
    pieces: list[bytes] = field(default_factory=list)
    sent: bytes = b""

    async def write(self, data: bytes) -> None:
        self.sent += data

    async def read(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def answered(*pieces: bytes, most: int = 100) -> Fetched:
    return asyncio.run(fetched(Recorded(pieces=list(pieces)), question("/x", FIELDS, ()), most))


def test_the_question_is_asked_for_the_gateway_and_not_for_the_client() -> None:
    asked = question("/x?a=b", FIELDS, ((b"If-None-Match", b'"kept"'),))

    assert asked.startswith(b"GET /x?a=b HTTP/1.1\r\nHost: shop.example\r\n")
    assert b'If-None-Match: "kept"' in asked
    assert b"of-the-client" not in asked
    assert b"Range" not in asked
    assert asked.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"body", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"),
        (200, b"body", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"),
        (304, b"", b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'),
        (200, b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (200, None, b"HTTP/1.1 200 OK\r\n\r\nwho knows"),
        (200, None, b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101),
        (200, None, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: y\r\n\r\n"),
    ],
)
def test_an_answer_is_whole_or_has_no_content_that_counts(status: int, body: bytes | None, said: bytes) -> None:
    for pieces in ((said,), tuple(said[each : each + 1] for each in range(len(said)))):
        found = answered(*pieces)
        assert (found.status, found.body) == (status, body)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncu",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbodyx",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_what_is_no_answer_or_was_cut_is_broken(said: bytes) -> None:
    with pytest.raises(Broken):
        answered(said)


def test_fields_are_kept_as_they_were_spelt() -> None:
    found = answered(b"HTTP/1.1 200 OK\r\nX-Mixed: \xe9\r\nContent-Length: 0\r\n\r\n")

    assert found.raw == ((b"X-Mixed", b"\xe9"), (b"Content-Length", b"0"))
