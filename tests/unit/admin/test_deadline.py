from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from gateway.admin.deadline import Bounded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
FIELDS = [(b"content-length", b"2")]


class Hurried(Bounded):
    """One that has little patience."""

    patience = 0.05


async def with_server(talk: Callable[[int, asyncio.Event], Awaitable[None]]) -> None:
    """Serve an application that says the first of two bytes, and the second one when it may."""
    may = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": FIELDS})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await may.wait()
        await send({"type": "http.response.body", "body": b"2"})

    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_keep_alive=60)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(lambda: Hurried(config, state, {}), "127.0.0.1", 0)
    async with server, asyncio.timeout(15):
        await talk(server.sockets[0].getsockname()[1], may)


async def silent(port: int, said: bytes) -> None:
    """Say this, and wait until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    assert await reader.read() == b""
    writer.close()


def test_whoever_asks_nothing_or_half_a_request_is_let_go() -> None:
    async def talk(port: int, _may: asyncio.Event) -> None:
        await silent(port, b"")
        await silent(port, HEAD)

    asyncio.run(with_server(talk))


def test_an_answer_takes_its_time_and_half_a_request_behind_it_does_not() -> None:
    async def talk(port: int, may: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n1")).startswith(b"HTTP/1.1 200")
        for _ in range(3):
            await silent(port, HEAD)
        may.set()
        assert await reader.readexactly(1) == b"2"
        writer.write(HEAD)
        assert await reader.read() == b""
        writer.close()

    asyncio.run(with_server(talk))
