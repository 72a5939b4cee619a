"""The first layer on a client's connection, by the entry through which it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy.net.http.http1 import assemble_response
from mitmproxy.proxy.layers.http import HTTPMode

from addons.entries.handshake import SocksHandshake
from addons.entries.socks5 import NO_METHOD
from addons.streams.layer import GatewayHttpLayer
from addons.tls.server_opening import INTERNAL_ERROR, ServerOpening, alert
from addons.tunnels.opening import TunnelOpening
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from mitmproxy.http import Response
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer

    from addons.connections.bounds import Bounds
    from gateway.config.settings import ListenerSettings


def first_layer(settings: ListenerSettings, context: Context, bounds: Bounds) -> Layer:
    """The layer that reads the first byte of a client. Behind every entry the tunnels are the same."""

    def http(inner: Context) -> Layer:
        return GatewayHttpLayer(inner, HTTPMode.transparent, bounds)

    def tunnel(inner: Context) -> Layer:
        return TunnelOpening(inner, http, bounds)

    if settings.mode is Mode.REVERSE:
        return http(context) if settings.tls is None else ServerOpening(context, http, bounds)
    match settings.entry:
        case "socks5":
            return SocksHandshake(context, tunnel)
        case "transparent":
            return tunnel(context)
        case "proxy":
            return GatewayHttpLayer(context, HTTPMode.regular, bounds)


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
