from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy.server import ConnectionIO

from addons.connections.bounds import Bounds, Patience
from addons.connections.fail_closed import Dispatch
from addons.connections.handler import Stage
from addons.connections.phases import HandOver
from addons.tunnels.opening import Opening
from addons.tunnels.spliced import Spliced, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from addons.upstream.connecting import Streams

PATIENCE = 10


async def _nowhere(_server: Server) -> Streams:
    raise ConnectionError("nothing is dialled here")


class Scene:
    """Both connections of a tunnel as mitmproxy's handler holds them, and whatever the hooks said at the end."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        self.server = Server(address=("origin.example", 443))
        self.opening = Opening(self.client, up=100, down=10)
        self.ours: list[socket.socket] = []
        self.transports: dict[Any, ConnectionIO] = {}
        self.stage = Stage(
            dispatch=Dispatch({"server_disconnected": (self._server,), "client_disconnected": (self._client,)}),
            bounds=Bounds(patience=Patience(tunnel=5)),
            failed=lambda *_: None,
            unjudged=lambda *_: None,  # type: ignore[arg-type]  # no request is judged here
            late=lambda _: None,
            connect=_nowhere,
        )

    def _server(self, data: Any) -> None:
        self.said.append(("server", data.server is self.server, data.client is self.client))

    def _client(self, client: Client) -> None:
        self.said.append(("client", client.state, self.opening.up, self.opening.down))

    async def connect(self) -> None:
        for connection in (self.client, self.server):
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.ours.append(socket.create_connection(listener.getsockname(), timeout=PATIENCE))
                theirs, _ = listener.accept()
            reader, writer = await asyncio.open_connection(sock=theirs)
            task = asyncio.ensure_future(asyncio.Event().wait())
            self.transports[connection] = ConnectionIO(handler=task, reader=reader, writer=writer)

    def take(self) -> Spliced | None:
        return take_over(self.transports, self.client, HandOver(self.server, self.opening), self.stage)

    def close(self) -> None:
        for io in self.transports.values():
            if isinstance(io.writer, asyncio.StreamWriter):
                io.writer.transport.abort()
            if io.handler is not None:
                io.handler.cancel()
        for each in self.ours:
            each.close()


def played(play: Callable[[Scene], Coroutine[None, None, None]]) -> Scene:
    scene = Scene()

    async def inside() -> None:
        await scene.connect()
        async with asyncio.timeout(PATIENCE):
            await play(scene)

    asyncio.run(inside())
    return scene


def taken(scene: Scene) -> Spliced:
    spliced = scene.take()
    assert spliced is not None
    return spliced


def test_tasks_end_sockets_stay_and_the_hooks_hear_of_the_end_with_all_that_passed() -> None:
    async def play(scene: Scene) -> None:
        spliced = taken(scene)
        handlers = [io.handler for io in scene.transports.values() if io.handler is not None]
        await asyncio.wait(handlers)
        for io in scene.transports.values():
            left: Any = io.writer
            await left.drain()
            left.close()
        assert all(handler.cancelled() for handler in handlers)
        client, server = scene.ours
        client.sendall(b"four")
        client.shutdown(socket.SHUT_WR)
        server.sendall(b"eight...")
        server.shutdown(socket.SHUT_WR)
        await spliced.until_over()
        assert (client.recv(99), server.recv(99)) == (b"eight...", b"four")
        scene.close()

    scene = played(play)

    assert scene.said == [("server", True, True), ("client", ConnectionState.CLOSED, 104, 18)]


@pytest.mark.parametrize("why", ["a side is gone", "a side is closing", "something waits", "TLS", "TLS of a layer"])
def test_what_cannot_be_joined_stays_as_it_is(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(scene: Scene) -> None:
        io = scene.transports[scene.server]
        assert isinstance(io.writer, asyncio.StreamWriter)
        match why:
            case "a side is gone":
                scene.transports.pop(scene.server)
                io.writer.transport.abort()
            case "a side is closing":
                io.writer.transport.close()
            case "something waits":
                io.writer.transport.write(bytes(64 * 1024 * 1024))
            case "TLS of a layer":
                scene.client.tls = True
            case _:
                monkeypatch.setitem(io.writer.transport._extra, "sslcontext", object())  # type: ignore[attr-defined]  # noqa: SLF001 - as TLS does ## typeshed hides it

        assert scene.take() is None
        assert not any(each.handler.cancelling() for each in scene.transports.values() if each.handler is not None)
        scene.close()

    played(play)


def test_only_bytes_renew_the_patience_with_a_tunnel() -> None:
    async def play(scene: Scene) -> None:
        taken(scene).abort()
        now = 100.0
        relay = type("Relay", (), {"up": 0, "down": 0})()
        spliced = Spliced(None, relay, scene.stage, clock=lambda: now)  # type: ignore[arg-type]  # nobody is told
        now = 104.0
        assert not spliced.is_overdue(now)
        relay.down = 1
        assert not spliced.is_overdue(now)
        now = 108.0
        assert not spliced.is_overdue(now)
        now = 110.0
        assert spliced.is_overdue(now)
        scene.close()

    played(play)


@pytest.mark.parametrize("ends", [Spliced.give_up, Spliced.abort])
def test_an_end_that_is_ours_is_a_reset_to_both(ends: Callable[[Spliced], None]) -> None:
    async def play(scene: Scene) -> None:
        spliced = taken(scene)
        spliced.drain()
        ends(spliced)
        await spliced.until_over()
        for each in scene.ours:
            with pytest.raises(ConnectionResetError):
                each.recv(1)
        scene.close()

    assert [each[0] for each in played(play).said] == ["server", "client"]


def test_a_tunnel_whose_waiting_is_cancelled_ends_and_tells_so() -> None:
    async def play(scene: Scene) -> None:
        waiting = asyncio.ensure_future(taken(scene).until_over())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ConnectionResetError):
            scene.ours[0].recv(1)
        scene.close()

    assert [each[0] for each in played(play).said] == ["server", "client"]
