"""The HTTP of one client connection, plain or inside TLS: its streams, and the upstream connections that they share.

mitmproxy's layer keeps every upstream connection that ever was until the client leaves; here a closed one is forgotten
when the next is looked for. Upstream connections are TCP, with or without TLS, and belong to one client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from mitmproxy.connection import Server
from mitmproxy.proxy import events
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
)
from mitmproxy.proxy.layers.http._events import ErrorCode

from addons.connections.phases import Acquaint, Enter, Hold, Phase, Watch
from addons.connections.watching import REASONS, Watcher
from addons.http1.client_side import ClientSide
from addons.http1.quick_origin import Done
from addons.http1.straight import Straight
from addons.http2.client_side import ClientSession
from addons.http2.session import Session, TapTurned
from addons.http2.taps import Taps, Way
from addons.judging.exchange import exchange_of
from addons.judging.refusals import for_upstream_error
from addons.streams.stream import GatewayStream, Inside, Silent
from addons.streams.upstreams import H2, Pool, Registered
from addons.streams.websockets import BoundedWebSocket
from addons.tunnels.opening import TunnelOpening
from gateway.policy.model import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Connection
    from mitmproxy.http import HTTPFlow, Response
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer
    from mitmproxy.proxy.layers.http._events import ResponseProtocolError

    from addons.connections.bounds import Bounds
    from addons.connections.watching import Awaited
    from addons.http1.client_side import Commands
    from addons.http1.quick_origin import Todo


class GatewayHttpLayer(HttpLayer):
    """HTTP with a client. In `regular` mode requests name their destination, in `transparent` mode the place does.

    What the client speaks was agreed upon in the TLS handshake around this layer, if there was one; where that was
    HTTP/3, `speak` makes the side that speaks it.
    """

    def __init__(
        self, context: Context, mode: HTTPMode, bounds: Bounds, speak: Callable[..., Layer] | None = None
    ) -> None:
        super().__init__(context, mode)
        self._bounds: Final = bounds
        self._speak: Final = speak
        self._makes: Final = Inside(self._open_tunnel, self._open_websocket)
        self._taps: Final = Taps()
        self._pool: Final = Pool(self, bounds, self._taps)
        self._is_shared = False
        self._straight: Straight | None = None
        self._watcher: Final = Watcher(self.streams, self._taps, bounds.patience, self._may_send)
        self._watch: Final = Watch(self._watcher.look)

    @override
    def handle_event(self, event: events.Event) -> Commands:
        """Most events go the straight way. The layer itself never waits, only its streams and sides do."""
        done = None if self._straight is None else self._straight.take(event)
        yield from self._handle_event(event) if done is None else done

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            self._is_shared = self._speak is not None or self.context.client.alpn == H2
            acquaint = Acquaint()
            yield acquaint
            self._straight = None if self._is_shared else Straight(self, self._pool, self._bounds, acquaint.ask)
            client_side = self._client_side()
            self.connections[self.context.client] = client_side
            yield Enter(Phase.IDLE)
            yield self._watch
            yield from self.event_to_child(client_side, event)
        elif isinstance(event, events.Wakeup) and event.command is self._watch:
            yield self._watch
            for stream_id, awaited in self._watcher.take_late():
                yield from self._expire(stream_id, awaited)
        else:
            yield from self._unwrapped(super()._handle_event(event))
        if self._pool.queue:
            yield from self._pool.serve_queue()
        while self._taps.changed:
            yield from self._turn_taps()

    def _unwrapped(self, said: Commands) -> Commands:
        for command in said:
            if type(command) is Done:
                yield from command.done
            else:
                yield command

    def offer(self, event: events.DataReceived) -> Todo | None:
        """What is to be done about an answer that came through TLS, if it can go the straight way."""
        return None if self._straight is None else self._straight.answered(event)

    def _client_side(self) -> Layer:
        context = self.context.fork()
        if self._speak is not None:
            return self._speak(context, self._taps, self._broken)
        if self._is_shared:
            return ClientSession(context, self._bounds, self._taps, self._broken)
        return ClientSide(context, self._bounds, self._broken)

    @property
    def is_shared(self) -> bool:
        """Whether the client has several requests at a time."""
        return self._is_shared

    def _broken(self, event: ResponseProtocolError) -> Response | None:
        stream = self.streams.get(event.stream_id)
        return None if stream is None else for_upstream_error(stream.flow, event.message)

    def _may_send(self, stream_id: int) -> bool:
        """Whether the client has room in its window for more of a body; in HTTP/1 there is none."""
        side = self.connections.get(self.context.client)
        return not isinstance(side, ClientSession) or side.may_send(stream_id)

    def _expire(self, stream_id: int, awaited: Awaited) -> Commands:
        """An exchange has waited for too long: it ends, and whom it waited for is blamed."""
        stream = self.streams.get(stream_id)
        if not isinstance(stream, GatewayStream):
            return
        exchange = exchange_of(stream.flow)
        if exchange is not None and exchange.outcome is None:
            exchange.outcome = refuse(REASONS[awaited])
        waits_for = stream.waits_for
        if isinstance(waits_for, GetHttpConnection):
            yield from self._pool.give_up(waits_for, "silent for too long")
        elif waits_for is None:
            late = Silent(stream_id, "silent for too long", ErrorCode.GENERIC_SERVER_ERROR)
            yield from self.event_to_child(stream, late)

    @override
    def make_stream(self, stream_id: int) -> Commands:
        yield from self.event_to_child(self.new_stream(stream_id), events.Start())

    def new_stream(self, stream_id: int) -> GatewayStream:
        """A stream, which has not been started."""
        taps = self._taps if self._is_shared else None
        stream = self.streams[stream_id] = GatewayStream(self.context.fork(), stream_id, self.mode, self._makes, taps)
        return stream

    def _open_tunnel(self, context: Context) -> Layer:
        return TunnelOpening(context, self._inside, self._bounds)

    def _open_websocket(self, context: Context, flow: HTTPFlow) -> Layer:
        return BoundedWebSocket(context, flow, self._bounds.message)

    def _inside(self, context: Context) -> Layer:
        return GatewayHttpLayer(context, HTTPMode.transparent, self._bounds)

    @override
    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        yield from self._pool.get(event)

    @override
    def register_connection(self, command: RegisterHttpConnection) -> Commands:
        if not isinstance(command, Registered):
            raise TypeError("an upstream connection that nobody of ours has opened")
        yield from self._pool.register(command)

    def _turn_taps(self) -> Commands:
        for tap in self._taps.take_changed():
            stream_id, way = tap
            is_shut = self._taps.is_shut(tap)
            connection = self.context.client if way is Way.UP else self._pool.server_of(stream_id)
            side = None if connection is None else self._side_of(connection)
            if connection is not None and isinstance(side, Session):
                # Through TLS, if there is any below this layer: what the side says to it has to be sealed.
                yield from self.event_to_child(self.connections[connection], TapTurned(stream_id, is_shut=is_shut))
            elif connection is not None:
                yield from self._hold(stream_id, connection, is_shut=is_shut)

    def _side_of(self, connection: Connection) -> Layer | None:
        if isinstance(connection, Server):
            return self._pool.sides.get(connection)
        return self.connections.get(connection)

    def _hold(self, stream_id: int, connection: Connection, *, is_shut: bool) -> Commands:
        """HTTP/1 has one body at a time, and no window: the connection is not read on."""
        if self._pool.note_held(stream_id, connection, is_shut=is_shut):
            yield Hold(held=is_shut, connection=connection)
