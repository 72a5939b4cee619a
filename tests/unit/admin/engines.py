"""What stands for an engine in these tests: a control socket that gives the answers of a table, and an app in front."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from gateway.admin.app import build
from gateway.admin.brief import Brief
from gateway.admin.token import ensure, read
from gateway.control.channel import SOCKET, Order, read_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def answering(state: Path, answers: Mapping[str, Any]) -> Iterator[list[Order]]:
    """Answer orders by their verbs: with values, or with a sentence that refuses. What was ordered is in the list."""
    loop, ready, end, heard = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), list[Order]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(read_order(await reader.readline()))
        said = answers.get(heard[-1].verb, "there is no such order")
        writer.write(json.dumps({"refused": said} if isinstance(said, str) else {"done": said}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_unix_server(answer, state / SOCKET)
        ready.set()
        await end.wait()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield heard
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()


@dataclass(slots=True)
class Opened:
    """A client that knows the token; every request is answered before the next one is made."""

    app: Any
    fields: dict[str, str]

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask, and hear the answer."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8090", headers=self.fields
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(asked())

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Read something, and change nothing."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Have something done there."""
        return self.request("POST", path, **more)


@contextmanager
def client(state: Path, **more: Any) -> Iterator[Opened]:
    """A client of an admin side over this state folder."""
    ensure(state)
    ensure(state, "metrics-token")
    (state / "audit").mkdir(exist_ok=True)
    app = build(Brief(socket=0, state=str(state), version="1.2.3", **more))
    yield Opened(app, {"Authorization": f"Bearer {read(state).decode()}"})
