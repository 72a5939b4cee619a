"""The first bytes in a CONNECT tunnel: TLS, HTTP or something else, decided only when that is certain.

mitmproxy calls a tunnel raw when its first one or two bytes come alone. Here nothing is called anything before the
whole ClientHello, or enough of a first line, has been read; until then bytes are held, and only for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, override

from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import Await, Enter, HalfClose, HandOver, Phase
from addons.tls.hello import Broken, HelloReader, begins_http
from addons.tls.layers import ClientTlsLayer
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.proxy.context import Context
    from mitmproxy.tls import ClientHello

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands


@dataclass(slots=True)
class Opening:
    """What a tunnel opened with: a hello, or bytes that are neither TLS nor HTTP, or a `problem` that ends it.

    A hook says the `treatment` and, for a splice, the `endpoint` under which its addresses were judged, and whether it
    is reached `through_parent`. `up` and `down` count the bytes that were passed on unread.
    """

    client: Client
    hello: ClientHello | None = None
    problem: Reason | None = None
    treatment: Literal["inspect", "splice", "refuse"] = "refuse"
    endpoint: tuple[str, int] | None = None
    through_parent: bool = False
    up: int = 0
    down: int = 0


@dataclass
class TunnelHelloHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A tunnel opened with TLS."""

    data: Opening


@dataclass
class TunnelRawHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A tunnel opened with neither TLS nor HTTP."""

    data: Opening


@dataclass
class TunnelBrokenHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A tunnel did not say in time, or not in a way that can be read, what it speaks."""

    data: Opening


class TunnelOpening(Layer):
    """Holds the first bytes of a tunnel until it is known what they are and what may become of them.

    `inside` makes the layer that speaks HTTP in the tunnel, with or without TLS around it.
    """

    def __init__(self, context: Context, inside: Callable[[Context], Layer], bounds: Bounds) -> None:
        super().__init__(context)
        self._inside: Final = inside
        self._bounds: Final = bounds
        self._held: Final = bytearray()
        self._hello: Final = HelloReader(bounds.opening)
        self._child: Layer | None = None

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if self._child is not None:
            yield from self._child.handle_event(event)
        elif isinstance(event, events.Start):
            yield Await(Phase.HANDSHAKE)
        elif isinstance(event, events.DataReceived) and event.connection is self.context.client:
            self._held.extend(event.data)
            yield from self._look()
        elif isinstance(event, events.Wakeup):
            yield from self._break(Reason.HEAD_TIMEOUT)
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)

    def _look(self) -> Commands:
        if HelloReader.claims(self._held):
            yield from self._look_for_hello()
            return
        is_http = begins_http(self._held)
        if is_http:
            yield from self._go_on(self._inside(self.context))
        elif is_http is False:
            opening = Opening(self.context.client)
            yield TunnelRawHook(opening)
            yield from self._treat(opening)

    def _look_for_hello(self) -> Commands:
        try:
            hello = self._hello.read(self._held)
        except Broken:
            yield from self._break(Reason.MALFORMED_REQUEST)
            return
        if hello is not None:
            opening = Opening(self.context.client, hello)
            yield TunnelHelloHook(opening)
            yield from self._treat(opening)

    def _break(self, problem: Reason) -> Commands:
        yield TunnelBrokenHook(Opening(self.context.client, problem=problem))
        yield commands.CloseConnection(self.context.client)

    def _treat(self, opening: Opening) -> Commands:
        if opening.treatment == "splice" and opening.endpoint is not None:
            self.context.server.address = opening.endpoint
            yield from self._go_on(Relay(self.context, opening))
        elif opening.treatment == "inspect" and opening.hello is not None:
            self.context.server.tls = True
            inspected = ClientTlsLayer(self.context, opening.hello)
            inspected.child_layer = self._inside(self.context)
            yield Enter(Phase.HANDSHAKE)
            yield from self._go_on(inspected)
        else:
            yield commands.CloseConnection(self.context.client)

    def _go_on(self, child: Layer) -> Commands:
        self._child = child
        held = bytes(self._held)
        self._held.clear()
        yield from child.handle_event(events.Start())
        yield from child.handle_event(events.DataReceived(self.context.client, held))


class Relay(Layer):
    """Passes bytes on unread between the client and the server of its context, and counts them in its opening.

    It says when it is no longer needed, and goes on until somebody takes the sockets from it.
    """

    def __init__(self, context: Context, opening: Opening) -> None:
        super().__init__(context)
        self._opening: Final = opening
        self._is_open = False

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            failed: str | None = yield commands.OpenConnection(self.context.server)
            if failed:
                yield commands.CloseConnection(self.context.client)
            else:
                self._is_open = True
                yield Enter(Phase.TUNNEL)
                yield HandOver(self.context.server, self._opening)
        elif not self._is_open:
            return
        elif isinstance(event, events.DataReceived):
            yield self._pass_on(event)
        elif isinstance(event, events.ConnectionClosed):
            yield from self._end(event)

    def _pass_on(self, event: events.DataReceived) -> commands.SendData:
        if event.connection is self.context.client:
            self._opening.up += len(event.data)
            return commands.SendData(self.context.server, event.data)
        self._opening.down += len(event.data)
        return commands.SendData(self.context.client, event.data)

    def _end(self, event: events.ConnectionClosed) -> Commands:
        """One side has said all: so is the other told. When both have, everything is closed."""
        client, server = self.context.client, self.context.server
        if (client.state | server.state) & ConnectionState.CAN_READ:
            other = server if event.connection is client else client
            yield HalfClose(other)
        else:
            for each in (server, client):
                if each.state is not ConnectionState.CLOSED:
                    yield commands.CloseConnection(each)
