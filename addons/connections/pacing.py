"""What layers need of the handler when several exchanges share a connection: who waits for whom, and for how long.

One exchange at a time, a connection is read on when everything that was read could be written. With several, the
slowest of them would stop all; there each connection waits for the client and for itself alone, and what one stream
cannot pass on is held back in its window.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mitmproxy.proxy import commands, events

from addons.connections.phases import Hold
from addons.serving.sweeping import is_waited_for
from addons.serving.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy.connection import Client, Connection
    from mitmproxy.proxy.server import ConnectionIO

FULL: Final = 64 * 1024
"""Bytes that may wait to be written to a connection before a stream that writes to it has to wait."""


class Share(commands.Command):
    """Several exchanges share the client's connection from now on."""


class Measure(commands.Command):
    """Ask whether much waits to be written to a connection: `is_full` is the answer, as soon as this was yielded."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection
        self.is_full = False


class Ending(commands.Command):
    """Ask how a connection came to its end: `is_reset` is the answer, as soon as this was yielded."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection
        self.is_reset = False


class WhenRoomy(commands.RequestWakeup):
    """Ask to be woken when what waits to be written to a connection has become little."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(0.0)
        self.connection: Final = connection


class WhenDraining(commands.RequestWakeup):
    """Ask to be woken when the gateway is about to end."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Pacing:
    """The handler's part for one client. `take` lets the layers see an event."""

    def __init__(
        self,
        client: Client,
        transports: Mapping[Connection, ConnectionIO],
        take: Callable[[events.Event], None],
    ) -> None:
        self.is_shared = False
        self._client: Final = client
        self._transports: Final = transports
        self._take: Final = take
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._held: Final[dict[Connection, int]] = {}
        self._rooms: Final[dict[Connection, asyncio.Event]] = {}
        self._leaving: Final[list[WhenDraining]] = []

    def acts(self) -> dict[type, Callable[[Any], None]]:
        """What the handler does for these commands."""
        return {
            Hold: self._hold,
            Share: self._share,
            Measure: self._measure,
            Ending: self._ending,
            WhenRoomy: self._when_roomy,
            WhenDraining: self._leaving.append,
        }

    def _share(self, _command: Share) -> None:
        self.is_shared = True

    def _hold(self, command: Hold) -> None:
        connection = command.connection or self._client
        held = self._held[connection] = self._held.get(connection, 0) + (1 if command.held else -1)
        room = self._rooms.setdefault(connection, asyncio.Event())
        if held > 0:
            room.clear()
        else:
            room.set()
            del self._held[connection], self._rooms[connection]

    @property
    def holds(self) -> bool:
        """Whether there is a connection from which nothing more is to be read for now."""
        return bool(self._held)

    async def wait(self, task: asyncio.Task[object] | None) -> None:
        """Wait while somebody wants nothing more to be read from the connection that `task` reads."""
        for connection, io in tuple(self._transports.items()):
            room = self._rooms.get(connection)
            if io.handler is task and room is not None:
                await room.wait()

    async def drain(self, task: asyncio.Task[object] | None) -> None:
        """On a shared connection, wait until the client took what it got, and the other end of `task` what it got."""
        for connection, io in tuple(self._transports.items()):
            if isinstance(io.writer, asyncio.StreamWriter) and (connection is self._client or io.handler is task):
                with suppress(OSError):
                    await io.writer.drain()

    def awaits(self, connection: Connection) -> bool:
        """Whether the gateway waits for the next bytes from there, and takes them at once."""
        io = self._transports.get(connection)
        return io is not None and is_waited_for(io.reader)

    def unsent(self, connection: Connection) -> int:
        """Bytes that wait to be written to there."""
        io = self._transports.get(connection)
        if io is None or not isinstance(io.writer, asyncio.StreamWriter):
            waiting: int = getattr(None if io is None else io.writer, "unsent", 0)  # as a link of QUIC tells it
            return waiting
        return io.writer.transport.get_write_buffer_size()

    def _ending(self, command: Ending) -> None:
        io = self._transports.get(command.connection)
        reader = None if io is None else io.reader
        command.is_reset = isinstance(reader, asyncio.StreamReader) and reader.exception() is not None

    def _measure(self, command: Measure) -> None:
        command.is_full = self.unsent(command.connection) > FULL

    def _when_roomy(self, command: WhenRoomy) -> None:
        spawn(self._tell_when_roomy(command), self._tasks)

    async def _tell_when_roomy(self, command: WhenRoomy) -> None:
        io = self._transports.get(command.connection)
        if io is not None and isinstance(io.writer, asyncio.StreamWriter):
            with suppress(OSError):
                await io.writer.drain()
        self._take(events.Wakeup(command))

    def leave(self) -> None:
        """The gateway is about to end: tell whoever asked."""
        leaving = tuple(self._leaving)
        self._leaving.clear()
        for each in leaving:
            self._take(events.Wakeup(each))

    def close(self) -> None:
        """The connection is over, and nobody waits."""
        for task in tuple(self._tasks):
            task.cancel("the connection is over")
