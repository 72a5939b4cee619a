"""Where clients arrive: turned away if there is no room, else served to the end, and left in peace.

Behind a balancer the client is whom it names; its header comes before everything else, and from nobody else.

The end of a connection is ours and not mitmproxy's: closing a socket in which something lies unread makes the kernel
reset the connection, and the client may lose the answer it was given. So we say that we are done, read on for a
moment, and close then (RFC 9112 section 9.6).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, Final, override

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy.mode_specs import ProxyMode

from addons.connections.handler import GatewayHandler
from addons.entries.destination import original_destination
from addons.entries.introductions import NotIntroduced, introduced
from addons.entries.layers import Ways, no_room_for
from addons.judging.forwarded import is_trusted
from addons.tunnels.spliced import Spliced
from addons.tunnels.straight import Entering
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode

if TYPE_CHECKING:
    import socket

    from addons.connections.handler import Stage
    from addons.entries.destination import Spot
    from addons.serving.composition import Engine
    from addons.serving.listeners import Closable, Listener, Room
    from addons.tunnels.straight import Makes
    from gateway.policy.model import Decision

LINGER: Final = 2.0
"""Seconds that a client gets to take its answer and close, once we have said all."""
LINGER_BYTES: Final = 1024 * 1024
"""How much of what such a client still sends is read and thrown away."""
FLUSH: Final = 30.0
"""Seconds that the rest of an answer gets to leave after that."""
_ANY: Final = ProxyMode.parse("regular")
"""mitmproxy wants to know how a client came; none of our layers asks."""


class _Borrowed(asyncio.StreamWriter):
    """A writer whose closing waits until whoever lent it closes it."""

    @override
    def close(self) -> None:
        """Leave the socket open: the front closes it in peace."""

    @override
    def __del__(self, warnings: object = None) -> None:
        """Forgetting a borrowed writer leaves nothing unclosed."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who has come: an address and a port, and the `balancer` that said so, if one did."""

    client: Spot
    balancer: Address | None = None

    @property
    def peername(self) -> tuple[str, int]:
        """The client as sockets call it."""
        return str(self.client[0]), self.client[1]

    def as_client(self, writer: asyncio.StreamWriter) -> Client:
        """The client as the adapters know it, for which nothing was built yet."""
        here = writer.get_extra_info("sockname")
        return Client(peername=self.peername, sockname=here, timestamp_start=time(), state=ConnectionState.OPEN)


class Front:
    """Takes the connections of one listener. `crowd` is shared by all listeners."""

    def __init__(self, listener: Listener, crowd: Room, engine: Engine, stage: Stage) -> None:
        self._listener: Final = listener
        self._crowd: Final = crowd
        self._engine: Final = engine
        self._stage: Final = stage
        self._serving: Final[set[asyncio.Task[None]]] = set()
        self._door: Final = engine.measuring.counting.door(listener.name)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection, or turn it away before anything is built for it."""
        try:
            peer = Address.parse(writer.get_extra_info("peername")[0].split("%", 1)[0])
        except (Malformed, TypeError):
            self._door.refused += 1
            writer.transport.abort()
            return
        behind = is_trusted(peer, self._listener.settings.proxy_protocol)
        arrival = Arrival((peer, writer.get_extra_info("peername")[1]))
        if not self._crowd.enter(None if behind else peer):
            self._turn_away(arrival, writer)
            return
        serving = self._introduce(arrival, reader, writer) if behind else self._serve(arrival, reader, writer)
        task = asyncio.get_running_loop().create_task(serving)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _introduce(self, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve whom a balancer names; until then there is nobody whose connections could be counted."""
        try:
            client = await introduced(reader, self._stage.bounds.patience.head)
        except BaseException as problem:
            writer.transport.abort()
            self._door.refused += 1
            if not isinstance(problem, NotIntroduced):
                raise
            if problem.decision is not None:
                self._refuse(arrival, writer, problem.decision)
            return
        finally:
            self._crowd.leave(None)
        if client is not None:
            arrival = Arrival(client, balancer=arrival.client[0])
        if self._crowd.enter(arrival.client[0]):
            await self._serve(arrival, reader, writer)
        else:
            self._turn_away(arrival, writer)

    def _refuse(self, arrival: Arrival, writer: asyncio.StreamWriter, decision: Decision) -> None:
        """Leave on record that nobody knows who would have been the client."""
        client = arrival.as_client(writer)
        state = self._engine.connections.opened(client, self._listener)
        try:
            self._engine.admission.turn_away(state, decision)
            self._engine.admission.ended(state)
        finally:
            self._engine.connections.closed(client.id)

    def _turn_away(self, arrival: Arrival, writer: asyncio.StreamWriter) -> None:
        """Say that there is no room, with a decision id, and leave it on record."""
        self._door.refused += 1
        answer = self._engine.admission.no_room(arrival.as_client(writer), self._listener)
        answer.headers["Connection"] = "close"
        writer.write(no_room_for(self._listener.settings, answer))
        writer.close()

    async def _serve(self, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._door.accepted += 1
        try:
            await self._handle(arrival, reader, writer)
            await _linger(reader, writer)
        finally:
            self._crowd.leave(arrival.client[0])
            writer.close()
            if not reader.at_eof():
                asyncio.get_running_loop().call_later(FLUSH, writer.transport.abort)

    async def _handle(self, arrival: Arrival, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        settings, client = self._listener.settings, arrival.as_client(writer)
        state = self._engine.connections.opened(client, self._listener)
        state.balancer = arrival.balancer
        if settings.entry == "transparent":
            state.original = original_destination(writer.get_extra_info("socket"))
        try:
            went_on = await self._serve_client(client, reader, writer)
            if went_on is not None:
                self._engine.served.add(went_on)
                await went_on.until_over()
        finally:
            self._engine.served.remove(client)

    async def _serve_client(
        self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Spliced | None:
        """Serve a client until nothing of it is needed any more; the tunnel that is left, if it became one.

        Of a handler such a tunnel keeps nothing: it is most of what a connection weighs.
        """
        settings = self._listener.settings
        ways = Ways(settings, self._stage.bounds)
        makes: Makes = ways.first
        is_straight = settings.mode is Mode.FORWARD and settings.entry == "proxy"
        if is_straight:
            entering = Entering(client, (reader, writer), self._stage, ways)
            self._engine.served.add(entering)
            went_on = await entering.serve()
            if went_on is None or isinstance(went_on, Spliced):
                return went_on
            makes = went_on
        handler = GatewayHandler(reader, _borrowed(reader, writer), _ANY, self._stage, client)
        handler.is_told = is_straight
        handler.layer = makes(handler.layer.context)
        self._engine.served.add(handler)
        return await until_done(handler)


async def open_http3(listener: Listener, crowd: Room, engine: Engine, stage: Stage, opened: socket.socket) -> Closable:
    """Serve HTTP/3 on a socket; nothing of QUIC is loaded for whoever does not."""
    from addons.http3.front import QuicFront  # noqa: PLC0415 - only for whom HTTP/3 is spoken

    front = QuicFront(listener, crowd, engine, stage)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: front, sock=opened)
    return front


async def until_done(handler: GatewayHandler) -> Spliced | None:
    """Serve a connection until mitmproxy has no part in it any more; the tunnel that is left, if it became one."""
    try:
        await handler.handle_client()
    except BaseException:
        handler.abort()
        raise
    finally:
        await handler.close()
    return handler.spliced


def _borrowed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.StreamWriter:
    transport: Any = writer.transport
    return _Borrowed(transport, transport.get_protocol(), reader, asyncio.get_running_loop())


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that we are done, and read on until the client is too, for a bounded time and a bounded size."""
    if writer.transport.is_closing() or reader.at_eof():
        return
    with suppress(OSError, TimeoutError):
        writer.write_eof()
        async with asyncio.timeout(LINGER):
            rest = LINGER_BYTES
            while rest > 0 and (piece := await reader.read(64 * 1024)):
                rest -= len(piece)
