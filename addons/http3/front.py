"""Where clients of HTTP/3 arrive: datagrams, told apart by the ids in them, from addresses that were proved.

Nothing is kept of a client, and nothing expensive done for it, before it has shown that it gets what is sent to its
address. A connection stays with the address of its handshake: from another one nothing is heard, so that whoever was
judged is who asks.

Source: RFC 9000 section 5.2 (which connection), section 6 (versions), section 8.1 (address validation), section 9.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Final, override

from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicPacketType,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.mode_specs import ProxyMode

from addons.connections.phases import Phase
from addons.http3.link import Link, QuicHandler
from addons.http3.opening import QuicOpening
from addons.http3.quic import CID, GatewayQuic, Windows, configuration
from addons.http3.session import Http3Session
from addons.http3.tokens import Tokens
from addons.serving.front import until_done
from addons.streams.layer import GatewayHttpLayer
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from aioquic.quic.packet import QuicHeader
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer

    from addons.connections.bounds import Patience
    from addons.connections.handler import Stage
    from addons.serving.composition import Engine
    from addons.serving.listeners import Listener, Room

_log: Final = logging.getLogger(__name__)
_SMALLEST: Final = 1200
"""Bytes that the first datagram of a connection has at least."""
_SHORTEST_ID: Final = 8
"""Bytes of the id that a client makes up for its first datagram, at least (RFC 9000 section 7.2)."""
_KEY: Final = 32
_ANY: Final = ProxyMode.parse("regular")
"""mitmproxy wants to know how a client came; none of our layers asks."""


def _silence(patience: Patience) -> float:
    """Seconds without a packet after which a client is gone; who waits for an answer may be silent for long."""
    return max(patience.of(Phase.IDLE), patience.of(Phase.EXCHANGE))


class QuicFront(asyncio.DatagramProtocol):
    """Takes the datagrams of one listener. `crowd` is shared by all listeners, of TCP too."""

    def __init__(self, listener: Listener, crowd: Room, engine: Engine, stage: Stage) -> None:
        self._listener: Final = listener
        self._crowd: Final = crowd
        self._engine: Final = engine
        self._stage: Final = stage
        self._tokens: Final = Tokens(os.urandom(_KEY), time.monotonic)
        self._windows: Final = Windows()
        self._settings: Final = configuration(_silence(stage.bounds.patience), self._windows)
        self._links: Final[dict[bytes, Link]] = {}
        self._serving: Final[set[asyncio.Task[None]]] = set()
        self._transport: Any = None
        self._is_closed = False
        self._told: Final[set[type[Exception]]] = set()
        logging.getLogger("quic").setLevel(logging.CRITICAL)  # else whoever likes writes into the operator's log

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Begin no more connections; those that run need the socket until they end."""
        self._is_closed = True
        if not self._serving:
            self._transport.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        if self._is_closed:
            self.close()

    @override
    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            self._receive(data, (addr[0], addr[1]), addr)
        except Exception as error:  # noqa: BLE001 - no datagram ends the listener, whatever is in it
            self._tell_once(error)

    def _tell_once(self, error: Exception) -> None:
        """Every kind of fault once: whoever sends datagrams must not fill the operator's log."""
        if type(error) not in self._told:
            self._told.add(type(error))
            _log.error("datagrams could not be read and were dropped, the first because of this", exc_info=error)

    def _receive(self, data: bytes, spot: tuple[str, int], addr: tuple[Any, ...]) -> None:
        try:
            header = pull_quic_header(Buffer(data=data), host_cid_length=CID)
        except ValueError:
            return
        link = self._links.get(header.destination_cid)
        if link is not None:
            if link.address == spot:
                link.receive(data)
            return
        if self._is_closed or len(data) < _SMALLEST or header.version is None:
            return
        if header.version not in self._settings.supported_versions:
            if header.packet_type is not QuicPacketType.VERSION_NEGOTIATION:
                self._tell_versions(header, addr)
        elif header.packet_type is QuicPacketType.INITIAL and len(header.destination_cid) >= _SHORTEST_ID:
            self._begin(data, header, spot, addr)

    def _tell_versions(self, header: QuicHeader, addr: tuple[Any, ...]) -> None:
        said = encode_quic_version_negotiation(
            source_cid=header.destination_cid,
            destination_cid=header.source_cid,
            supported_versions=self._settings.supported_versions,
        )
        self._transport.sendto(said, addr)

    def _begin(self, data: bytes, header: QuicHeader, spot: tuple[str, int], addr: tuple[Any, ...]) -> None:
        if not header.token:
            self._ask_again(header, spot, addr)
            return
        ids = self._tokens.read(spot, header.token)
        if ids is None or ids[1] != header.destination_cid:
            return
        peer = Address.parse(spot[0].split("%", 1)[0])
        quic = GatewayQuic(self._settings, self._windows, original=ids[0], retried=ids[1])
        if not self._crowd.enter(peer):
            self._turn_away(quic, data, spot, addr)
            return
        here = self._transport.get_extra_info("sockname")[:2]
        link = Link(quic, spot, here, lambda said: self._transport.sendto(said, addr), self._named)
        self._links[header.destination_cid] = self._links[quic.host_cid] = link
        link.receive(data)
        task = asyncio.get_running_loop().create_task(self._serve(link, peer))
        self._serving.add(task)
        task.add_done_callback(self._ended)

    def _ask_again(self, header: QuicHeader, spot: tuple[str, int], addr: tuple[Any, ...]) -> None:
        """Let the client prove that it is where it says: it has to come back with what it is sent."""
        retried = os.urandom(CID)
        said = encode_quic_retry(
            version=header.version or 0,
            source_cid=retried,
            destination_cid=header.source_cid,
            original_destination_cid=header.destination_cid,
            retry_token=self._tokens.make(spot, header.destination_cid, retried),
        )
        self._transport.sendto(said, addr)

    def _turn_away(self, quic: GatewayQuic, data: bytes, spot: tuple[str, int], addr: tuple[Any, ...]) -> None:
        """Say that there is no room, and leave it on record."""
        client = Client(peername=spot, sockname=self._transport.get_extra_info("sockname"), timestamp_start=time.time())
        self._engine.measuring.counting.door(self._listener.name).refused += 1
        self._engine.admission.no_room(client, self._listener)
        now = asyncio.get_running_loop().time()
        quic.take(data, spot, now)
        quic.turn_away()
        for said, _ in quic.datagrams_to_send(now=now):
            self._transport.sendto(said, addr)

    def _named(self, link: Link, cid: bytes | None, *, known: bool) -> None:
        """A connection has another id, or one less, or has ended."""
        if cid is None:
            for each in [name for name, owner in self._links.items() if owner is link]:
                del self._links[each]
        elif known:
            self._links[cid] = link
        else:
            self._links.pop(cid, None)

    async def _serve(self, link: Link, peer: Address) -> None:
        self._engine.measuring.counting.door(self._listener.name).accepted += 1
        try:
            await self._handle(link)
        finally:
            link.cut()
            self._crowd.leave(peer)

    async def _handle(self, link: Link) -> None:
        handler = QuicHandler(link, _ANY, self._stage)
        context, client, bounds = handler.layer.context, handler.client, self._stage.bounds
        context.server = Server(address=None)

        def inside(inner: Context) -> Layer:
            return GatewayHttpLayer(inner, HTTPMode.transparent, bounds, speak)

        def speak(inner: Context, *parts: Any) -> Layer:
            return Http3Session(inner, bounds, *parts, quic=link.quic)

        handler.layer = QuicOpening(context, link.quic, inside)
        try:
            self._engine.connections.opened(client, self._listener)
        except Malformed:
            return
        self._engine.served.add(handler)
        try:
            await until_done(handler)
            await link.gone.wait()
        finally:
            self._engine.served.remove(client)
