"""One client's connection: mitmproxy's layers decide what to send, this handler moves the bytes and runs the hooks.

It replaces five things of mitmproxy's handler. Hooks fail closed. A crash inside the layers ends the connection, where
mitmproxy leaves it open. Events are worked off in one queue without a lock, and hooks that do not wait need no task.
Every phase of a connection has a deadline, kept by one sweep over all connections instead of a task for each.
Upstreams are opened by `addons.streams.upstream_life`, at any of the addresses that were judged.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, Final, override

from mitmproxy.connection import Server
from mitmproxy.proxy import commands, events, server_hooks
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.server import ConnectionHandler, ConnectionIO, LiveConnectionHandler, TimeoutWatchdog

from addons.connections.deadlines import Deadline
from addons.connections.fail_closed import HookFailed
from addons.connections.hook_running import HookRunner
from addons.connections.pacing import Pacing
from addons.connections.phases import Acquaint, Await, Cut, Enter, HalfClose, HandOver, Phase, Watch
from addons.connections.reading import handed_over
from addons.serving.leaner import Line
from addons.serving.options import LayerOptions, for_layers
from addons.serving.sweeping import Watches
from addons.serving.tasks import spawn
from addons.streams.upstream_life import live
from addons.tunnels.relay import reset
from addons.tunnels.spliced import Spliced, take_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client, Connection
    from mitmproxy.http import HTTPFlow, Response
    from mitmproxy.proxy.mode_specs import ProxyMode

    from addons.connections.bounds import Bounds
    from addons.connections.fail_closed import Dispatch
    from addons.streams.upstream_life import Connect

_engine: Final = logging.getLogger("mitmproxy.connection")  # what mitmproxy says may quote clients: it is shown cut
_UPSTREAMS: Final = 5
"""Upstream connections that one client connection keeps."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all connections share.

    `failed` records that a hook or a layer failed on a connection: client id, place, error. `unjudged` records that
    the hook of a request failed, and gives the answer to it. `late` hears that a tunnel of a client has been silent
    for too long, before it is closed. `connect` opens a connection to an upstream.
    """

    dispatch: Dispatch
    bounds: Bounds
    failed: Callable[[str, str, BaseException], None]
    unjudged: Callable[[HTTPFlow, str, BaseException], Response]
    late: Callable[[Client], None]
    connect: Connect
    options: LayerOptions = LayerOptions()  # noqa: RUF009 - the value is frozen, so that it can be shared


class _NoWatchdog(TimeoutWatchdog):
    """Stands where mitmproxy keeps a task per connection; the sweep over all connections does its work."""

    @override
    async def watch(self) -> None:
        return

    @override
    def register_activity(self) -> None:
        return


class GatewayHandler(LiveConnectionHandler):
    """Serves one client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        mode: ProxyMode,
        stage: Stage,
        client: Client | None = None,
    ) -> None:
        if client is None:
            super().__init__(reader, writer, for_layers(stage.options), mode)
        else:
            ConnectionHandler.__init__(self, Context(client, for_layers(stage.options)))
            self.transports[client] = ConnectionIO(reader=reader, writer=writer)
        self.is_told = False
        """Whether the hooks know of the client already."""
        self.timeout_watchdog = _NoWatchdog(0, self.on_timeout)
        self.deadline: Final = Deadline(stage.bounds.patience)
        self._stage: Final = stage
        self._events: Final = Line[events.Event]()
        self._outgoing: Final[dict[Connection, list[bytes]]] = {}
        self._is_working = False
        self._is_dead = False
        self._is_draining = False
        self._leaving: HandOver | None = None
        self.spliced: Spliced | None = None
        """The tunnel that this connection became, if it did: it goes on when the handler is done."""
        self._pacing: Final = Pacing(self.client, self.transports, self.take)
        self._watches: Final = Watches(self._pacing)
        self._acts: Final = self._table_of_acts() | self._pacing.acts()
        self._hooks: Final = HookRunner(
            self.client, stage, completed=self.take, broken=self._broken, pacing=self._pacing
        )
        self._dials: Final[set[asyncio.Task[None]]] = set()

    @override
    async def handle_client(self) -> None:
        """Serve the client to its end: with one task that reads, and nothing that watches it."""
        if not self.is_told:
            await self.handle_hook(server_hooks.ClientConnectedHook(self.client))
        if self.client.error:
            refused = self.transports.pop(self.client).writer
            if refused is not None:
                refused.close()
        else:
            self.take(events.Start())
            reading = asyncio.get_running_loop().create_task(self.handle_connection(self.client))
            self.transports[self.client].handler = reading
            await asyncio.wait([reading])
            if not reading.cancelled() and (error := reading.exception()) is not None:
                self.log("reading from a client failed", logging.ERROR, exc_info=error)
        self.client.timestamp_end = time()
        await self.handle_hook(server_hooks.ClientDisconnectedHook(self.client))
        if left := [io.handler for io in self.transports.values() if io.handler is not None]:
            for each in left:
                each.cancel("client disconnected")
            await asyncio.wait(left)

    @override
    async def server_event(self, event: events.Event) -> None:
        self.take(event)

    @override
    async def handle_connection(self, connection: Connection) -> None:
        """Read a connection to its end; what comes is taken at once where that can be."""
        reader = self.transports[connection].reader
        if type(reader) is not asyncio.StreamReader:
            await super().handle_connection(connection)
            return
        with handed_over(reader, partial(self._came, connection), self.drain_writers):
            await super().handle_connection(connection)

    def _came(self, connection: Connection, data: bytes) -> bool:
        """Something has come; whether the next can be taken without waiting for anybody."""
        self.take(events.DataReceived(connection, data))
        return not self._pacing.holds and not any(map(_has_to_drain, self.transports.values()))

    def take(self, event: events.Event) -> None:
        """Let the layers see an event and do what they say, until there is nothing more to do at once."""
        self._events.append(event)
        if self._is_working:
            return
        self._is_working = True
        self.deadline.touch()
        try:
            while self._events and not self._is_dead:
                for command in self.layer.handle_event(self._events.popleft()):
                    self._obey(command)
        except Exception as error:  # noqa: BLE001 - whatever breaks a layer ends its connection, and it alone
            self._broken("layer", error)
        finally:
            self._is_working = False
            self._flush()
            if self._leaving is not None and not self._is_dead:
                self._leave(self._leaving)

    def _obey(self, command: commands.Command) -> None:
        act = self._acts.get(type(command))
        if act is not None:
            act(command)
        elif isinstance(command, StartHook):
            self._hooks.start(command)
        else:
            raise RuntimeError(f"the layers ask for something unknown: {type(command).__name__}")

    def _table_of_acts(self) -> dict[type, Callable[[Any], None]]:
        return {
            commands.SendData: self._send,
            commands.CloseConnection: self._close,
            commands.CloseTcpConnection: self._close,
            commands.OpenConnection: self._open,
            commands.Log: self._note,
            Enter: self._enter_by,
            Await: self._await,
            HalfClose: self._half_close,
            HandOver: self._hand_over,
            Cut: self._cut,
            Watch: self._watches.add,
            Acquaint: self._acquaint,
        }

    def _acquaint(self, command: Acquaint) -> None:
        command.ask = self._hooks.ask

    def _send(self, command: commands.SendData) -> None:
        """Gather what is written at one time: a head and the body behind it leave in one packet."""
        outgoing = self._outgoing.get(command.connection)
        if outgoing is None:
            self._outgoing[command.connection] = [command.data]
        else:
            outgoing.append(command.data)

    def _flush(self) -> None:
        for connection, pieces in self._outgoing.items():
            io = self.transports.get(connection)
            if io is not None and isinstance(io.writer, asyncio.StreamWriter) and not io.writer.is_closing():
                io.writer.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        self._outgoing.clear()

    def _close(self, command: commands.CloseConnection) -> None:
        self._flush()
        if command.connection in self.transports:
            half = isinstance(command, commands.CloseTcpConnection) and command.half_close
            self.close_connection(command.connection, half)

    def _half_close(self, command: HalfClose) -> None:
        """Say half an end; over TLS, which a parent may want, there is none, and the connection ends whole."""
        self._flush()
        io = self.transports.get(command.connection)
        if io is not None:
            whole = isinstance(io.writer, asyncio.StreamWriter) and not io.writer.can_write_eof()
            self.close_connection(command.connection, half_close=not whole)

    def _note(self, command: commands.Log) -> None:
        _engine.debug("%s", command.message)

    def _enter_by(self, command: Enter) -> None:
        self._enter(command.phase)

    def _await(self, command: Await) -> None:
        self._enter(command.phase, command)

    def _hand_over(self, command: HandOver) -> None:
        self._leaving = command

    def _leave(self, command: HandOver) -> None:
        """Give both sockets to a relay and let mitmproxy's tasks end; if not now, then after the next event."""
        try:
            self.spliced = take_over(self.transports, self.client, command, self._stage)
        except Exception as error:  # noqa: BLE001 - whatever breaks a tunnel ends its connection, and it alone
            self._leaving = None
            self._broken("relay", error)
        if self.spliced is not None:
            self._is_dead = True
            self._leaving = None

    def _cut(self, _command: Cut) -> None:
        self.abort()

    def _open(self, command: commands.OpenConnection) -> None:
        self._make_room()
        self.transports[command.connection] = ConnectionIO(handler=spawn(self._dial(command), self._dials))

    def _make_room(self) -> None:
        """Close the upstream that was opened first, when there are many.

        Only the exchange that opens another one is under way, so that the others are idle; where several share the
        client's connection, the layer above keeps count. mitmproxy lets five
        connections to one address stand, keeps idle ones for good, and lets the sixth wait for ever.
        """
        standing = [each for each in self.transports if isinstance(each, Server)]
        if len(standing) >= _UPSTREAMS and not self._pacing.is_shared:
            self._stop(standing[0], "makes room")

    async def _dial(self, command: commands.OpenConnection) -> None:
        with suppress(HookFailed):  # it was recorded, and the client's connection is being ended
            await live(self, command, self._stage.connect)

    @override
    async def handle_hook(self, hook: StartHook) -> None:
        if self.spliced is None:  # else mitmproxy tells of ends that are none yet
            await self._hooks.run(hook)

    def _broken(self, place: str, error: BaseException) -> None:
        """Nothing on this connection goes on: no layer sees another event, both sides are closed."""
        self._is_dead = True
        self._events.clear()
        self._outgoing.clear()
        self._hooks.tell(place, error)
        self.abort()

    def abort(self) -> None:
        """End the client's connection with a reset, at once, and everything that was opened for it."""
        if self.spliced is not None:
            self.spliced.abort()
        io = self.transports.get(self.client)
        if io is None:
            return
        if isinstance(io.writer, asyncio.StreamWriter):
            reset(io.writer.transport)
        if io.handler is not None:
            io.handler.cancel("aborted")

    @override
    async def drain_writers(self) -> None:
        """Read on only when what was read could be passed on; most often it has left at once."""
        task = asyncio.current_task()
        if self._pacing.is_shared:
            await self._pacing.drain(task)
        elif any(map(_has_to_drain, self.transports.values())):
            await super().drain_writers()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        if self._pacing.holds:
            await self._pacing.wait(task)

    @override
    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        _engine.log(logging.DEBUG if level < logging.ERROR else level, "%s", message, exc_info=exc_info)

    def _enter(self, phase: Phase, awaited: Await | None = None) -> None:
        self.deadline.enter(phase, awaited)
        if self._is_draining and phase is Phase.IDLE:
            self._end("drained")

    def is_overdue(self, now: float) -> bool:
        """Whether what the connection is doing, or an exchange on it, takes too long."""
        return self._watches.look(now) or self.deadline.is_overdue(now)

    def give_up(self) -> None:
        """Wake the layers that can say what becomes of it; where none can, close the connection."""
        due = self._watches.take_due()
        for each in due:
            self.take(events.Wakeup(each))
        if due:
            return
        awaited = self.deadline.take_awaited()
        if awaited is not None:
            self.take(events.Wakeup(awaited))
        else:
            if self.deadline.phase is Phase.TUNNEL:
                self._stage.late(self.client)
            self._end("silent for too long")
        self.deadline.restart()

    def drain(self) -> None:
        """Finish the exchanges that run, begin no others."""
        self._is_draining = True
        self._pacing.leave()
        if self.deadline.phase in {Phase.IDLE, Phase.HANDSHAKE}:
            self._end("drained")

    def _end(self, why: str) -> None:
        self._stop(self.client, why)

    def _stop(self, connection: Connection, why: str) -> None:
        io = self.transports.get(connection)
        if io is not None and io.handler is not None:
            io.handler.cancel(why)

    async def close(self) -> None:
        """Let nothing outlive the connection: hooks that still wait, upstreams that a failed hook left open."""
        self._is_dead = True
        self._hooks.stop()
        self._pacing.close()
        for io in tuple(self.transports.values()):
            if isinstance(io.writer, asyncio.StreamWriter):
                io.writer.transport.abort()
        if endings := self._dials | self._hooks.endings:
            await asyncio.wait(endings)


def _has_to_drain(io: ConnectionIO) -> bool:
    """Whether something waits to be written, or nothing will be written any more."""
    if not isinstance(io.writer, asyncio.StreamWriter):
        return io.writer is not None
    transport = io.writer.transport
    return transport.get_write_buffer_size() > 0 or transport.is_closing()
