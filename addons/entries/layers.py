"""The first layer on a client's connection, by the entry through which it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitmproxy.net.http.http1 import assemble_response
from mitmproxy.proxy.layers.http import HTTPMode

from addons.entries.handshake import SocksHandshake
from addons.entries.socks5 import NO_METHOD
from addons.streams.layer import GatewayHttpLayer
from addons.tls.layers import ClientTlsLayer
from addons.tls.server_opening import INTERNAL_ERROR, ServerOpening, alert
from addons.tunnels.opening import Relay, TunnelOpening
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from mitmproxy.http import Response
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer

    from addons.connections.bounds import Bounds
    from addons.tunnels.opening import Opening
    from gateway.config.settings import ListenerSettings


@dataclass(frozen=True, slots=True)
class Ways:
    """The layers that a handler may begin with. Behind every entry the tunnels are the same."""

    settings: ListenerSettings
    bounds: Bounds

    def first(self, context: Context) -> Layer:
        """The layer that reads the first byte of a client."""
        if self.settings.mode is Mode.REVERSE:
            return self._http(context) if self.settings.tls is None else ServerOpening(context, self._http, self.bounds)
        match self.settings.entry:
            case "socks5":
                return SocksHandshake(context, self._opening)
            case "transparent":
                return self._opening(context)
            case "proxy":
                return GatewayHttpLayer(context, HTTPMode.regular, self.bounds)

    def tunnel(self, place: tuple[str, int], context: Context) -> Layer:
        """The layer that reads the first byte in a tunnel to this place."""
        context.server.address = place
        return self._opening(context)

    def relayed(self, opening: Opening, context: Context) -> Layer:
        """The layer that passes a tunnel on that is to be passed on unread."""
        context.server.address = opening.endpoint
        return Relay(context, opening)

    def inspected(self, opening: Opening, place: tuple[str, int], context: Context) -> Layer:
        """The layer that begins with the hello in a tunnel to this place, which was judged."""
        if opening.hello is None:
            raise LookupError("a tunnel that is inspected without a hello")
        self.tunnel(place, context)  # mitmproxy's layer looks for one before it
        context.server.tls = True
        layer = ClientTlsLayer(context, opening.hello)
        layer.child_layer = self._http(context)
        return layer

    def _http(self, context: Context) -> Layer:
        return GatewayHttpLayer(context, HTTPMode.transparent, self.bounds)

    def _opening(self, context: Context) -> Layer:
        return TunnelOpening(context, self._http, self.bounds)


def no_room_for(settings: ListenerSettings, answer: Response) -> bytes:
    """How a client is told, before it said anything, that there is no room for it.

    A redirected one is told nothing, and one that is going to speak TLS by an alert.
    """
    if settings.tls is not None:
        return alert(INTERNAL_ERROR)
    match settings.entry:
        case "proxy":
            said: bytes = assemble_response(answer)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
            return said
        case "socks5":
            return NO_METHOD
        case "transparent":
            return b""
