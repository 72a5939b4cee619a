"""A spliced tunnel after mitmproxy: its handler is gone, a relay moves the bytes, the hooks come last.

mitmproxy's layers know only that the sockets are no longer theirs. What listens to the end of connections hears of it
when the tunnel really ends, with the bytes that passed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic, time
from typing import TYPE_CHECKING, Final, cast

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import server_hooks

from addons.connections.deadlines import Deadline
from addons.connections.hook_running import HookRunner
from addons.connections.phases import Phase
from addons.tunnels.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy.connection import Client, Connection, Server
    from mitmproxy.proxy.server import ConnectionIO

    from addons.connections.handler import Stage
    from addons.connections.phases import HandOver
    from addons.tunnels.opening import Opening


class Gone:
    """Stands where mitmproxy's handler had a writer, as much of one as its tasks still ask for on their way out."""

    def close(self) -> None:
        """Leave the socket alone: it belongs to the relay now."""

    async def drain(self) -> None:
        """Nothing is written here any more."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Who is at the ends of a tunnel, and what its layer counted before.

    `writers` are kept because a stream writer that is forgotten closes its socket.
    """

    client: Client
    server: Server
    opening: Opening
    writers: tuple[asyncio.StreamWriter, ...]


def take_over(
    transports: Mapping[Connection, ConnectionIO], client: Client, wish: HandOver, stage: Stage
) -> Spliced | None:
    """Take both sockets of a tunnel out of mitmproxy's hands and join them; None if that is not possible (yet).

    Its tasks are told to end. They find nothing any more that they could close.
    """
    ends = transports.get(client), transports.get(wish.server)
    if client.tls or wish.server.tls:
        return None
    free = [io for io in ends if io is not None and _is_free(io)]
    if len(free) < len(ends):
        return None
    writers = tuple(cast("asyncio.StreamWriter", io.writer) for io in free)
    relay = Relay(*(cast("asyncio.Transport", writer.transport) for writer in writers))
    relay.go_on(*(cast("asyncio.StreamReader", io.reader) for io in free))
    for io in transports.values():
        if io in free:
            io.writer = cast("asyncio.StreamWriter", Gone())
        if io.handler is not None:
            io.handler.cancel("the sockets were handed over")
    return Spliced(Ends(client, wish.server, wish.opening, writers), relay, stage)


def _is_free(io: ConnectionIO) -> bool:
    """Whether a socket can be given away: it is plain, open, and nothing waits to be written.

    TLS belongs to the layers that speak it, and what waits to the backpressure of the protocol that wrote it.
    """
    if not isinstance(io.writer, asyncio.StreamWriter) or not isinstance(io.reader, asyncio.StreamReader):
        return False
    transport = io.writer.transport
    if transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
        return False
    return transport.get_write_buffer_size() == 0


class Spliced:
    """One tunnel that a relay moves. Served like a handler: swept, drained, aborted."""

    def __init__(self, ends: Ends, relay: Relay, stage: Stage, clock: Callable[[], float] = monotonic) -> None:
        self._ends: Final = ends
        self._relay: Final = relay
        self._stage: Final = stage
        self._seen = 0
        self._deadline: Final = Deadline(stage.bounds.patience, clock)
        self._deadline.enter(Phase.TUNNEL)

    @property
    def client(self) -> Client:
        """Who is served."""
        return self._ends.client

    @property
    def passed(self) -> int:
        """Bytes that the relay has passed on, both ways together."""
        return self._relay.up + self._relay.down

    def is_overdue(self, now: float) -> bool:
        """Whether nothing has passed for longer than a tunnel may be silent."""
        passed = self.passed
        if passed != self._seen:
            self._seen = passed
            self._deadline.touch()
        return self._deadline.is_overdue(now)

    def give_up(self) -> None:
        """End a silent tunnel, and leave on record that it was."""
        self._stage.late(self.client)
        self._relay.abort()

    def drain(self) -> None:
        """Nobody knows what a tunnel is in the middle of: it may go on while there is time."""

    def abort(self) -> None:
        """End it at once, with a reset to both sides."""
        self._relay.abort()

    async def until_over(self) -> None:
        """Wait until both sockets are closed, then tell what passed to whoever listens to the ends of connections."""
        try:
            await self._relay.until_over()
        finally:
            self._relay.abort()
            await self._tell()

    async def _tell(self) -> None:
        client, server, opening = self._ends.client, self._ends.server, self._ends.opening
        opening.up += self._relay.up
        opening.down += self._relay.down
        client.timestamp_end = server.timestamp_end = time()
        client.state = server.state = ConnectionState.CLOSED
        hooks = HookRunner(client, self._stage, completed=lambda _: None, broken=lambda _, __: None)
        data = server_hooks.ServerConnectionHookData(client=client, server=server)
        await hooks.run(server_hooks.ServerDisconnectedHook(data))
        await hooks.run(server_hooks.ClientDisconnectedHook(client))
