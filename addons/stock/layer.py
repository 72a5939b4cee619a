"""The gateway's layers inside mitmproxy's own handler of connections, which knows less than ours does.

What ours tell their handler is said in mitmproxy's words here: phases become deadlines that a tick keeps, a held
client is not read from, half an end is half a close. A hook that failed, or that nobody answered, ends the connection,
and so does a layer that breaks; mitmproxy would complete the hook and leave the connection open.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, override

from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import (
    BOUNDED_AS_A_WHOLE,
    Acquaint,
    Await,
    Cut,
    Enter,
    HalfClose,
    HandOver,
    Hold,
    Phase,
    Watch,
)
from addons.serving.sweeping import Watches, is_waited_for

if TYPE_CHECKING:
    import asyncio

    from mitmproxy.connection import Client, Connection
    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.stock.hooks import Answers

type Commands = Generator[commands.Command]

TICK: Final = 1.0
"""Seconds between two looks at the deadline of a connection."""
LINGER: Final = 2.0
"""Seconds that a client gets to take its answer and close, once we have said all."""
LINGER_BYTES: Final = 1024 * 1024
"""How much of what such a client still sends is thrown away."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_CONNECTED: Final = "server_connected"


@dataclass(frozen=True, slots=True)
class Ground:
    """What all connections share: `heard` are the hooks that are answered.

    `transport` finds the socket of a connection of a client, `failed` records that a layer or a hook failed (client
    id, place, error), `late` that a tunnel was silent for too long. `clock` is monotonic, in seconds.
    """

    answers: Answers
    heard: frozenset[str]
    bounds: Bounds
    failed: Callable[[str, str, BaseException], None]
    late: Callable[[Client], None]
    transport: Callable[[Client, Connection], asyncio.Transport | None]
    clock: Callable[[], float] = monotonic


@dataclass(frozen=True, slots=True)
class _Seen:
    """What can be seen of the sockets of one client, which are mitmproxy's."""

    client: Client
    ground: Ground

    def awaits(self, connection: Connection) -> bool:
        """Whether mitmproxy waits for the next bytes from there."""
        transport = self.ground.transport(self.client, connection)
        reader = None if transport is None else getattr(transport.get_protocol(), "_stream_reader", None)
        return is_waited_for(reader)

    def unsent(self, connection: Connection) -> int:
        """Bytes that wait to be written to there."""
        transport = self.ground.transport(self.client, connection)
        return 0 if transport is None else transport.get_write_buffer_size()


class Grounded(Layer):
    """Carries the layer that `make` makes, and says what it says in words that mitmproxy's handler understands."""

    def __init__(self, context: Context, make: Callable[[Context], Layer], ground: Ground) -> None:
        super().__init__(context)
        self._child: Final = make(context)
        self._ground: Final = ground
        self._tick = commands.RequestWakeup(TICK)
        self._phase = Phase.IDLE
        self._since = self._last = ground.clock()
        self._awaited: Await | None = None
        self._servers: Final[set[Server]] = set()
        self._watches: Final = Watches(_Seen(context.client, ground))
        self._holds = 0
        self._is_over = False
        self._closing: float | None = None
        self._rest = LINGER_BYTES

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        problem = self._answer_to(event)
        if self._is_over:
            return
        if isinstance(event, events.Wakeup) and event.command is self._tick:
            yield from self._look_at_the_clock()
            return
        self._last = self._ground.clock()
        if problem is not None:
            yield from self._break(*problem)
        elif self._closing is not None and self._is_from_client(event):
            yield from self._throw_away(event)
        else:
            if isinstance(event, events.Start):
                yield self._tick
            yield from self._feed(event)

    def _answer_to(self, event: events.Event) -> tuple[str, BaseException | None] | None:
        """Which hook did not come to its end, if this event says that one did; an error that is not told of yet."""
        if isinstance(event, events.HookCompleted) and event.command.name in self._ground.heard:
            name, (subject,) = event.command.name, event.command.args()
        elif isinstance(event, events.OpenConnectionCompleted) and event.reply is None:
            name, subject = _CONNECTED, event.command.connection
        elif isinstance(event, events.OpenConnectionCompleted):
            self._ground.answers.take(_CONNECTED, event.command.connection)
            return None
        else:
            return None
        match self._ground.answers.take(name, subject):
            case "passed":
                return None
            case "failed":
                return name, None
            case "unheard":
                return name, LookupError("nobody answered the hook")

    def _is_from_client(self, event: events.Event) -> bool:
        return isinstance(event, events.DataReceived) and event.connection is self.context.client

    def _feed(self, event: events.Event) -> Commands:
        try:
            for command in self._child.handle_event(event):
                yield from self._obey(command)
        except Exception as error:  # noqa: BLE001 - whatever breaks a layer ends its connection, and it alone
            yield from self._break("layer", error)
        if isinstance(event, events.ConnectionClosed) and isinstance(event.connection, Server):
            self._servers.discard(event.connection)

    def _obey(self, command: commands.Command) -> Commands:
        match command:
            case Enter():
                self._enter(command.phase, None)
            case Await():
                self._enter(command.phase, command)
            case Watch():
                self._watches.add(command)
            case HandOver() | Acquaint():
                pass  # sockets and hooks are mitmproxy's: the layer goes on passing bytes itself, and yields hooks
            case Hold():
                self._hold(1 if command.held else -1)
            case HalfClose():
                yield commands.CloseTcpConnection(command.connection, half_close=True)
            case Cut():
                yield from self._reset()
            case commands.CloseConnection() if command.connection is self.context.client and _is_whole(command):
                yield from self._linger()
            case _:
                self._ask(command)
                yield command

    def _ask(self, command: commands.Command) -> None:
        if isinstance(command, commands.OpenConnection) and isinstance(command.connection, Server):
            self._ground.answers.ask(_CONNECTED, command.connection)
            self._servers.add(command.connection)
        elif isinstance(command, commands.StartHook) and command.blocking and command.name in self._ground.heard:
            (subject,) = command.args()
            self._ground.answers.ask(command.name, subject)

    def _enter(self, phase: Phase, awaited: Await | None) -> None:
        self._phase, self._awaited, self._since = phase, awaited, self._ground.clock()

    def _hold(self, change: int) -> None:
        """Stop reading from the client, or read on: what it sends cannot be used yet and is not to pile up."""
        self._holds += change
        transport = self._ground.transport(self.context.client, self.context.client)
        if transport is None or transport.is_closing():
            return
        if self._holds > 0:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _look_at_the_clock(self) -> Commands:
        now = self._ground.clock()
        if self._closing is not None:
            if now - self._closing > LINGER:
                yield commands.CloseConnection(self.context.client)
        elif self._watches.look(now):
            for each in self._watches.take_due():
                yield from self._feed(events.Wakeup(each))
        else:
            begun = self._since if self._phase in BOUNDED_AS_A_WHOLE else max(self._last, self._since)
            if now - begun > self._ground.bounds.patience.of(self._phase):
                yield from self._give_up(now)
        self._tick = commands.RequestWakeup(TICK)
        yield self._tick

    def _give_up(self, now: float) -> Commands:
        """Wake the layer that can say what becomes of it; if none can, close the connection."""
        awaited, self._awaited, self._since = self._awaited, None, now
        if awaited is not None:
            yield from self._feed(events.Wakeup(awaited))
        else:
            if self._phase is Phase.TUNNEL:
                self._ground.late(self.context.client)
            yield from self._linger()

    def _linger(self) -> Commands:
        """Say that all was said, and read on for a moment, because a reset would take the answer away.

        Source: RFC 9112 section 9.6.
        """
        if self._closing is not None:
            return
        self._closing = self._ground.clock()
        if self.context.client.state & ConnectionState.CAN_READ:
            yield commands.CloseTcpConnection(self.context.client, half_close=True)
        else:
            yield commands.CloseConnection(self.context.client)

    def _throw_away(self, event: Any) -> Commands:
        self._rest -= len(event.data)
        if self._rest < 0:
            yield commands.CloseConnection(self.context.client)

    def _break(self, place: str, error: BaseException | None) -> Commands:
        """Nothing on this connection goes on: no layer sees another event, everything is closed."""
        self._is_over = True
        if error is not None:
            with suppress(Exception):  # what cannot be recorded must still end the connection
                self._ground.failed(self.context.client.id, place, error)
        yield from self._reset()

    def _reset(self) -> Commands:
        """End the client's connection so that nobody can take what it got for the whole."""
        transport = self._ground.transport(self.context.client, self.context.client)
        if transport is not None:
            with suppress(OSError, AttributeError):
                peer = transport.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        for each in (*self._servers, self.context.client):
            yield commands.CloseConnection(each)


class Shut(Layer):
    """Ends a connection that nobody can judge, whatever is sent on it."""

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        yield commands.CloseConnection(self.context.client)


def _is_whole(command: commands.CloseConnection) -> bool:
    return not (isinstance(command, commands.CloseTcpConnection) and command.half_close)
