"""A tunnel through a parent, on real sockets, with parents that say what a test scripts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from addons.entries.through import ParentFailed, through
from gateway.policy.model import Reason
from gateway.policy.names import Host
from gateway.upstreams.parents import Parent
from tests.e2e.origin import identity_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

TARGET = Host.parse("site.example"), 443
ASKED = b"CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\n"
AUTHORIZATION = b"Basic dXNlcjpodW50ZXIy"


def parent(*, scheme: str = "http", trust: Path | None = None, authorization: bytes | None = None) -> Parent:
    return Parent(
        name="office",
        scheme="https" if scheme == "https" else "http",
        host=Host.parse("proxy.example"),
        port=3128,
        trust=trust,
        authorization=authorization,
    )


@asynccontextmanager
async def answering(answer: bytes, heard: bytearray, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A parent that answers every head with the same bytes, and what it heard; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(65536))
        writer.write(answer)
        heard.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def said(answer: bytes, to: Parent, tls: ssl.SSLContext | None = None) -> tuple[bytes, bytes]:
    """What a parent hears, and the first bytes that come through the tunnel; raises what the tunnel raises."""
    heard = bytearray()

    async def play() -> bytes:
        async with answering(answer, heard, tls) as port, asyncio.timeout(10):
            reader, writer = await through(await asyncio.open_connection("127.0.0.1", port), to, TARGET)
            writer.write(b"ping")
            writer.write_eof() if tls is None else None
            first = await reader.read(100) if tls is None else b""
            writer.close()
            await writer.wait_closed()
            return first

    first = asyncio.run(play())
    return bytes(heard), first


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 299 \r\nX: y\r\n\r\n",
    ],
)
def test_behind_an_accepted_connect_every_byte_is_the_destinations(answer: bytes) -> None:
    heard, first = said(answer + b"220 ready\r\n", parent())

    assert (heard, first) == (ASKED + b"\r\nping", b"220 ready\r\n")


def test_credentials_of_the_gateway_go_to_the_parent_alone() -> None:
    heard, _ = said(b"HTTP/1.1 200 OK\r\n\r\n", parent(authorization=AUTHORIZATION))

    assert heard.startswith(ASKED + b"Proxy-Authorization: " + AUTHORIZATION + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("reason", "sentence", "answer"),
    [
        (Reason.PARENT_REFUSED, "The parent proxy asks for other credentials.", b"HTTP/1.1 407 X\r\n\r\nsecret"),
        (Reason.PARENT_REFUSED, "The parent proxy answered 403.", b"HTTP/1.1 403 Forbidden\r\n\r\n<p>secret"),
        (Reason.PARENT_REFUSED, "The parent proxy answered 503.", b"HTTP/1.1 503 secret\r\n\r\n"),
        (Reason.PARENT_REFUSED, "The parent proxy answered 302.", b"HTTP/1.1 302 X\r\nLocation: secret\r\n\r\n"),
        (Reason.PARENT_TIMEOUT, "The parent proxy answered 504.", b"HTTP/1.1 504 X\r\n\r\n"),
        (Reason.PARENT_REFUSED, "The parent proxy gave no answer that can be read.", b"SSH-2.0-secret\r\n\r\n"),
        (Reason.PARENT_REFUSED, "The parent proxy gave no answer that can be read.", b"HTTP/1.1 2000 X\r\n\r\n"),
        (Reason.PARENT_REFUSED, "The parent proxy gave no answer that can be read.", b"HTTP/2 200 X\r\n\r\n"),
        (Reason.PARENT_REFUSED, "The parent proxy gave no answer that can be read.", b"HTTP/1.1 101 X\r\n\r\n"),
        (
            Reason.PARENT_REFUSED,
            "The head of the parent proxy's answer has no end.",
            b"HTTP/1.1 200 X\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        ),
        (
            Reason.PARENT_REFUSED,
            "The parent proxy closed, or gave no answer that can be read.",
            b"HTTP/1.1 200 X\r\nX: " + b"x" * 300_000,
        ),
    ],
)
def test_a_parent_that_gives_no_tunnel_is_told_in_words_of_ours(reason: Reason, sentence: str, answer: bytes) -> None:
    with pytest.raises(ParentFailed) as failure:
        said(answer, parent(authorization=AUTHORIZATION))

    assert (reason, sentence) == (failure.value.decision.reason, str(failure.value))


def test_an_ipv6_destination_is_written_in_brackets() -> None:
    heard = bytearray()

    async def play() -> None:
        async with answering(b"HTTP/1.1 200 OK\r\n\r\n", heard) as port:
            target = Host.parse("2001:db8::1"), 443
            _, writer = await through(await asyncio.open_connection("127.0.0.1", port), parent(), target)
            writer.close()
            await writer.wait_closed()

    asyncio.run(play())

    assert heard.startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n")


def test_plain_requests_need_no_tunnel() -> None:
    heard = bytearray()

    async def play() -> None:
        async with answering(b"", heard) as port:
            reader, writer = await through(await asyncio.open_connection("127.0.0.1", port), parent(), None)
            writer.write(b"GET http://site.example/ HTTP/1.1\r\n\r\n")
            writer.write_eof()
            await reader.read()
            writer.close()

    asyncio.run(play())

    assert heard == b"GET http://site.example/ HTTP/1.1\r\n\r\n"


def test_a_parent_over_tls_has_to_prove_its_name(tmp_path: Path) -> None:
    identity = identity_for(tmp_path, "proxy.example")

    heard, _ = said(b"HTTP/1.1 200 OK\r\n\r\n", parent(scheme="https", trust=identity.authority), identity.context)

    assert heard.startswith(ASKED)


@pytest.mark.parametrize("name", ["other.example", "proxy.example"])
def test_a_parent_that_cannot_prove_it_hears_nothing(name: str, tmp_path: Path) -> None:
    identity = identity_for(tmp_path, name)
    other = tmp_path / "other"
    other.mkdir()
    trust = identity.authority if name == "other.example" else identity_for(other, name).authority

    with pytest.raises(ParentFailed, match="The parent proxy could not prove who it is") as failure:
        said(b"", parent(scheme="https", trust=trust, authorization=AUTHORIZATION), identity.context)

    assert failure.value.decision.reason is Reason.PARENT_REFUSED


def test_a_parent_that_speaks_no_tls_is_not_spoken_to() -> None:
    with pytest.raises(ParentFailed, match="broke off the TLS handshake"):
        said(b"HTTP/1.1 400 X\r\n\r\n", parent(scheme="https", authorization=AUTHORIZATION))
