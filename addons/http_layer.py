"""The HTTP of one client connection, plain or inside TLS: its streams, and the upstream connections that they share.

mitmproxy's layer keeps every upstream connection that ever was until the client leaves; here a closed one is forgotten
when the next is looked for. Upstream connections are HTTP/1 over TCP, with or without TLS, and belong to one client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    HttpLayer,
    HTTPMode,
    RegisterHttpConnection,
)
from mitmproxy.proxy.tunnel import LayerStack

from addons.http1 import ClientSide, OriginSide
from addons.phases import Enter, Phase
from addons.refusals import for_upstream_error
from addons.streams import GatewayStream
from addons.tls_layers import UpstreamTlsLayer
from addons.tunnels import TunnelOpening

if TYPE_CHECKING:
    from mitmproxy.http import Response
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layers.http._events import ResponseProtocolError

    from addons.bounds import Bounds
    from addons.http1 import Commands


class GatewayHttpLayer(HttpLayer):
    """HTTP/1 with a client. In `regular` mode requests name their destination, in `transparent` mode the place does."""

    def __init__(self, context: Context, mode: HTTPMode, bounds: Bounds) -> None:
        super().__init__(context, mode)
        self._bounds: Final = bounds

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            client_side = ClientSide(self.context.fork(), self._bounds, self._broken)
            self.connections[self.context.client] = client_side
            yield Enter(Phase.IDLE)
            yield from self.event_to_child(client_side, event)
        else:
            yield from super()._handle_event(event)

    def _broken(self, event: ResponseProtocolError) -> Response | None:
        stream = self.streams.get(event.stream_id)
        return None if stream is None else for_upstream_error(stream.flow, event.message)

    @override
    def make_stream(self, stream_id: int) -> Commands:
        stream = GatewayStream(self.context.fork(), stream_id, self.mode, self._open_tunnel)
        self.streams[stream_id] = stream
        yield from self.event_to_child(stream, events.Start())

    def _open_tunnel(self, context: Context) -> Layer:
        return TunnelOpening(context, self._inside, self._bounds)

    def _inside(self, context: Context) -> Layer:
        return GatewayHttpLayer(context, HTTPMode.transparent, self._bounds)

    @override
    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> Commands:
        self._forget_closed()
        standing = next((each for each in self.connections if event.connection_spec_matches(each)), None)
        if standing is None:
            yield from self._open(event)
        elif standing in self.waiting_for_establishment:
            self.waiting_for_establishment[standing].append(event)
        else:
            yield from self.event_to_child(
                self.command_sources.pop(event), GetHttpConnectionCompleted(event, (standing, None))
            )

    def _forget_closed(self) -> None:
        """Only connections that can be used in both directions, or are being opened, are worth remembering."""
        for connection in [each for each in self.connections if isinstance(each, Server)]:
            if not connection.connected and connection not in self.waiting_for_establishment:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        if connection.timestamp_end is not None or connection.error is not None:
            del self.connections[connection]

    def _open(self, event: GetHttpConnection) -> Commands:
        context = self.context.fork()
        context.server = Server(address=event.address)
        stack = LayerStack()
        if event.tls:
            context.server.sni = event.address[0]
            stack /= UpstreamTlsLayer(context)
        stack /= Dialled(context, self._bounds)
        self.connections[context.server] = stack[0]
        self.waiting_for_establishment[context.server].append(event)
        yield from self.event_to_child(stack[0], events.Start())


class Dialled(Layer):
    """Opens an upstream connection, then speaks HTTP/1 on it."""

    def __init__(self, context: Context, bounds: Bounds) -> None:
        super().__init__(context)
        self._bounds: Final = bounds

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        failed: str | None = yield commands.OpenConnection(self.context.server)
        if not failed:
            origin_side = OriginSide(self.context, self._bounds)
            self._handle_event = origin_side.handle_event  # type: ignore[method-assign]  # how mitmproxy's layers give way
            yield from origin_side.handle_event(event)
        yield RegisterHttpConnection(self.context.server, failed)
