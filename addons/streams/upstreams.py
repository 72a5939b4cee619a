"""The upstream connections of one client connection: found again, opened, or waited for.

A connection is used for a request only if it reaches the very address that was judged for that request. Many requests
share one of HTTP/2; one of HTTP/1 is used again only when its last exchange has ended cleanly, and there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

from mitmproxy.connection import Connection, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import (
    GetHttpConnection,
    GetHttpConnectionCompleted,
    RegisterHttpConnection,
)
from mitmproxy.proxy.tunnel import LayerStack

from addons.http1.origin_side import OriginSide
from addons.http1.quick_origin import QuickOriginSide
from addons.http2.origin_side import OriginSession
from addons.judging.exchange import board, disembark, exchange_of
from addons.streams.stream import GatewayStream
from addons.tls.layers import UpstreamTlsLayer
from gateway.policy.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands
    from addons.http1.quick_origin import Offer
    from addons.http2.taps import Taps
    from addons.judging.exchange import Endpoint, Exchange
    from addons.streams.layer import GatewayHttpLayer

H2: Final = b"h2"
HTTP1: Final = b"http/1.1"
MOST: Final = 16
"""Upstream connections that stand or are opened at a time, for a client with several requests at a time."""

type Side = OriginSide | OriginSession


@dataclass
class Registered(RegisterHttpConnection):
    """An upstream connection stands, with the side that speaks on it; or it could not be opened."""

    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What a request needs of a connection: the address that was judged, and HTTP/1 if it wants to switch."""

    stream: GatewayStream
    exchange: Exchange | None
    only_http1: bool

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that were judged for the request."""
        return () if self.exchange is None else self.exchange.judged

    def may_go_to(self, addresses: tuple[Address, ...]) -> bool:
        """Whether each of these addresses was judged for the request."""
        return self.exchange is None or all(each in self.exchange.judged for each in addresses)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a connection was opened for. Its own address is another while it is being dialled."""

    address: Endpoint
    tls: bool
    judged: tuple[Address, ...]

    def serves(self, event: GetHttpConnection) -> bool:
        """Whether it goes to the same place."""
        return event.address == self.address and event.tls == self.tls


class Pool:
    """The connections that one layer has upstream. `queue` holds who waits until one is free."""

    def __init__(self, layer: GatewayHttpLayer, bounds: Bounds, taps: Taps) -> None:
        self._layer: Final = layer
        self._bounds: Final = bounds
        self._taps: Final = taps
        self._opened_for: Final[dict[Connection, Purpose]] = {}
        self._held: Final[dict[int, Connection]] = {}
        self._known_http1: Final[set[Endpoint]] = set()
        self.sides: Final[dict[Connection, Side]] = {}
        self.queue: list[GetHttpConnection] = []

    def get(self, event: GetHttpConnection) -> Commands:
        """Answer a stream that wants a connection, now or when there is one."""
        self._forget_closed()
        want = self._want(event)
        stream = want.stream
        stream.on_kept = False
        free = next((each for each in self._matching(event, want) if self._is_free(each, want)), None)
        if free is not None and not stream.wants_fresh:
            stream.on_kept = True
            yield from self._complete(event, free, None)
            return
        opening = next((each for each in self._matching(event, want) if self._may_join(each, event, want)), None)
        if opening is not None:
            if want.exchange is not None:
                board(opening, want.exchange)
            self._layer.waiting_for_establishment[opening].append(event)
        elif self._may_open(event, want):
            yield from self._make_room()
            yield from self._open(event, want)
        else:
            self.queue.append(event)

    def standing(self, stream: GatewayStream) -> Server | None:
        """A connection of HTTP/1 that stands and is free for the request of a stream, which is no switch."""
        self._forget_closed()
        request = stream.flow.request
        event = GetHttpConnection((request.host, request.port), request.scheme == "https", None)
        want = Want(stream, exchange_of(stream.flow), only_http1=True)
        return next((each for each in self._matching(event, want) if self._is_free(each, want)), None)

    def _want(self, event: GetHttpConnection) -> Want:
        stream = self._layer.command_sources[event]
        if not isinstance(stream, GatewayStream):
            raise TypeError("a connection is wanted by something that is no stream")
        is_switching = "upgrade" in stream.flow.request.headers
        return Want(stream, exchange_of(stream.flow), is_switching)

    def _matching(self, event: GetHttpConnection, want: Want) -> Iterator[Server]:
        """Connections to the same place that reach, or try to reach, the same address."""
        for each in self._servers():
            purpose = self._opened_for.get(each)
            if purpose is None or not purpose.serves(event):
                continue
            if want.may_go_to(purpose.judged if each.peername is None else (Address.parse(each.peername[0]),)):
                yield each

    def _servers(self) -> list[Server]:
        return [each for each in self._layer.connections if isinstance(each, Server) and each in self._opened_for]

    def _is_free(self, connection: Server, want: Want) -> bool:
        side = self.sides.get(connection)
        if isinstance(side, OriginSession):
            return side.has_room and not want.only_http1
        return side is not None and side.is_idle

    def _may_join(self, connection: Server, event: GetHttpConnection, want: Want) -> bool:
        """Whether to wait for a connection that is being opened: only if it may turn out to be one for many."""
        if connection not in self._layer.waiting_for_establishment:
            return False
        return H2 in (connection.alpn_offers or ()) and not want.only_http1 and event.address not in self._known_http1

    def _may_open(self, event: GetHttpConnection, want: Want) -> bool:
        if not self._layer.is_shared:
            return True
        for each in self._matching(event, want):
            side = self.sides.get(each)
            if isinstance(side, OriginSession) and not side.is_settled and not side.is_over and not want.only_http1:
                return False  # it says in a moment how many it takes
        return len(self._servers()) < MOST or self._idle() is not None

    def _idle(self) -> Server | None:
        return next((each for each, side in self.sides.items() if side.is_idle and isinstance(each, Server)), None)

    def _make_room(self) -> Commands:
        idle = self._idle() if self._layer.is_shared and len(self._servers()) >= MOST else None
        if idle is not None:
            self._retire(idle)
            yield commands.CloseConnection(idle)

    def _forget_closed(self) -> None:
        """Only connections that can be used in both directions, or are being opened, are worth remembering."""
        used = {stream.context.server for stream in self._layer.streams.values()} if self._layer.is_shared else set()
        for each in [each for each in self._layer.connections if isinstance(each, Server)]:
            if each.connected or each in self._layer.waiting_for_establishment or each in used:
                continue
            was_never_open = each.error is not None and each.timestamp_tcp_setup is None
            if each.timestamp_end is not None or was_never_open:  # else the end of it is still to be heard of
                self._forget(each)

    def _forget(self, connection: Connection) -> None:
        self._layer.connections.pop(connection, None)
        self._retire(connection)

    def _retire(self, connection: Connection) -> None:
        """Nobody uses a connection any more; the layer knows it until its end was heard of."""
        self.sides.pop(connection, None)
        self._opened_for.pop(connection, None)

    def _open(self, event: GetHttpConnection, want: Want) -> Commands:
        context = self._layer.context.fork()
        server = context.server = Server(address=event.address)
        stack = LayerStack()
        if event.tls:
            server.sni = event.address[0]
            server.alpn_offers = self._offers(want)
            stack /= UpstreamTlsLayer(context)
        stack /= Dialled(context, self._bounds, self._taps, self._layer.offer, is_shared=self._layer.is_shared)
        self._opened_for[server] = Purpose(event.address, event.tls, want.addresses)
        if want.exchange is not None:
            board(server, want.exchange)
        self._layer.connections[server] = stack[0]
        self._layer.waiting_for_establishment[server].append(event)
        yield from self._layer.event_to_child(stack[0], events.Start())

    def _offers(self, want: Want) -> tuple[bytes, ...]:
        """What is offered to an origin: first what the client speaks."""
        if want.only_http1:
            return (HTTP1,)
        return (H2, HTTP1) if self._layer.is_shared else (HTTP1, H2)

    def register(self, command: Registered) -> Commands:
        """A connection stands, or failed: whoever waited for it hears so."""
        waiting = self._layer.waiting_for_establishment.pop(command.connection)
        disembark(command.connection)
        if command.err or command.side is None:
            for event in waiting:
                yield from self._complete(event, None, command.err)
            return
        self.sides[command.connection] = command.side
        if isinstance(command.side, OriginSide) and isinstance(command.connection, Server):
            self._know_http1(command.connection)
        yield from self._share_out(waiting, command.connection, command.side)

    def _know_http1(self, connection: Server) -> None:
        if connection.address is not None:
            self._known_http1.add((connection.address[0], connection.address[1]))

    def _share_out(self, waiting: list[GetHttpConnection], connection: Connection, side: Side) -> Commands:
        for event in waiting:
            is_free = side.has_room if isinstance(side, OriginSession) else side.is_idle
            if is_free:
                yield from self._complete(event, connection, None)
            else:
                yield from self.get(event)

    def _complete(self, event: GetHttpConnection, connection: Connection | None, error: str | None) -> Commands:
        stream = self._layer.command_sources.pop(event)
        reply = (None, error or "closed") if connection is None else (connection, None)
        yield from self._layer.event_to_child(stream, GetHttpConnectionCompleted(event, reply))

    def serve_queue(self) -> Commands:
        """Look again for whoever waits; those whose client has left wait no more."""
        waiting, self.queue = self.queue, []
        for event in waiting:
            stream = self._layer.command_sources.get(event)
            if isinstance(stream, GatewayStream) and stream.is_abandoned:
                yield from self._complete(event, None, "the client gave up")
            else:
                yield from self.get(event)

    def give_up(self, event: GetHttpConnection, why: str) -> Commands:
        """A stream waits no longer."""
        self.queue = [each for each in self.queue if each is not event]
        for waiting in self._layer.waiting_for_establishment.values():
            if event in waiting:
                waiting.remove(event)
        yield from self._complete(event, None, why)

    def server_of(self, stream_id: int) -> Connection | None:
        """The upstream connection of a stream, or the one that was held for it."""
        if stream_id in self._held:
            return self._held[stream_id]
        stream = self._layer.streams.get(stream_id)
        return None if stream is None else stream.context.server

    def note_held(self, stream_id: int, connection: Connection, *, is_shut: bool) -> bool:
        """Keep in mind for which stream a connection is not read on; False if nothing changes."""
        if isinstance(connection, Server):
            if is_shut == (stream_id in self._held):
                return False
            if is_shut:
                self._held[stream_id] = connection
            else:
                del self._held[stream_id]
        return True


class Dialled(Layer):
    """Opens an upstream connection, then speaks on it what was agreed upon."""

    def __init__(self, context: Context, bounds: Bounds, taps: Taps, offer: Offer, *, is_shared: bool) -> None:
        super().__init__(context)
        self._offer: Final = offer
        self._bounds: Final = bounds
        self._taps: Final = taps
        self._is_shared: Final = is_shared

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        failed: str | None = yield commands.OpenConnection(self.context.server)
        side: Side | None = None
        if not failed:
            side = self._side()
            self._handle_event = side.handle_event  # type: ignore[method-assign]  # how mitmproxy's layers give way
            yield from side.handle_event(event)
        yield Registered(self.context.server, failed, side)

    def _side(self) -> Side:
        if self.context.server.alpn == H2:
            return OriginSession(self.context, self._bounds, self._taps)
        return QuickOriginSide(self.context, self._bounds, self._taps if self._is_shared else None, self._offer)
