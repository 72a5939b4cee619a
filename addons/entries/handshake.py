"""The layer of a SOCKS 5 listener: the handshake is read, the gate is asked, and the tunnel is opened like any other.

As with a CONNECT nothing is dialled for the handshake. The client is told that it succeeded as soon as the gate has
let the destination pass; what is in the tunnel is then looked at, inspected, spliced or refused like in a CONNECT's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import Await, Enter, Phase
from addons.entries.socks5 import (
    FAILURE,
    METHOD_CHOSEN,
    SUCCEEDED,
    Asked,
    Unacceptable,
    code_of,
    read_greeting,
    read_request,
    reply,
)
from addons.http1.client_side import UnreadableHead, UnreadableHeadHook
from gateway.policy.model import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.proxy.context import Context

    from addons.http1.client_side import Commands


@dataclass(slots=True)
class Handshake:
    """What a client asked for, or why it could not be understood (`decision`).

    A hook says that it is `admitted`, or by what decision it is `refused`. Unless somebody says so nothing is admitted.
    """

    client: Client
    asked: Asked | None = None
    decision: Decision | None = None
    admitted: bool = False
    refused: Decision | None = None


@dataclass
class SocksAskedHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A client asks for a tunnel by SOCKS."""

    data: Handshake


@dataclass
class SocksBrokenHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A client did not ask in time, or not in a way that is accepted."""

    data: Handshake


class SocksHandshake(Layer):
    """Reads a handshake, however it is cut into packets; `inside` makes the layer that looks at the tunnel."""

    def __init__(self, context: Context, inside: Callable[[Context], Layer]) -> None:
        super().__init__(context)
        self._inside: Final = inside
        self._held: Final = bytearray()
        self._is_greeted = False
        self._is_over = False
        self._child: Layer | None = None

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if self._child is not None:
            yield from self._child.handle_event(event)
        elif isinstance(event, events.Start):
            yield Enter(Phase.IDLE)
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif self._is_over:
            return
        elif isinstance(event, events.Wakeup):
            yield from self._break(Unacceptable(Reason.HEAD_TIMEOUT, "The SOCKS handshake did not come in time."))
        elif isinstance(event, events.DataReceived):
            if not self._held and not self._is_greeted:
                yield Await(Phase.HEAD)
            self._held.extend(event.data)
            yield from self._read()

    def _read(self) -> Commands:
        try:
            if not self._is_greeted and (size := read_greeting(self._held)) is not None:
                self._is_greeted = True
                del self._held[:size]
                yield commands.SendData(self.context.client, METHOD_CHOSEN)
            asked = read_request(self._held) if self._is_greeted else None
        except Unacceptable as problem:
            yield from self._break(problem)
            return
        if asked is not None:
            yield from self._ask(asked)

    def _ask(self, asked: Asked) -> Commands:
        del self._held[: asked.size]
        handshake = Handshake(self.context.client, asked)
        yield SocksAskedHook(handshake)
        if not handshake.admitted:
            yield from self._end(reply(FAILURE if handshake.refused is None else code_of(handshake.refused)))
            return
        yield commands.SendData(self.context.client, reply(SUCCEEDED))
        self._child = self._inside(self.context)
        yield from self._child.handle_event(events.Start())
        if self._held:
            held = bytes(self._held)
            self._held.clear()
            yield from self._child.handle_event(events.DataReceived(self.context.client, held))

    def _break(self, problem: Unacceptable) -> Commands:
        if problem.speaks_http:
            head = UnreadableHead(self.context.client, problem.decision)
            yield UnreadableHeadHook(head)
            said = b"" if head.response is None else http1.assemble_response(head.response)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        else:
            yield SocksBrokenHook(Handshake(self.context.client, decision=problem.decision))
            said = problem.reply
        yield from self._end(said)

    def _end(self, said: bytes) -> Commands:
        self._is_over = True
        self._held.clear()
        if said:
            yield commands.SendData(self.context.client, said)
        yield commands.CloseConnection(self.context.client)
