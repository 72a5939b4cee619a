"""The first bytes on a reverse listener that speaks TLS: a hello for a host that is served here, and nothing else.

The hello is read whole before anything is answered. Whoever is refused is told by an alert (RFC 8446 section 6.2), and
whoever speaks plain HTTP in words that it understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import Await, Enter, Phase
from addons.http1.client_side import UnreadableHead, UnreadableHeadHook
from addons.tls.hello import Broken, HelloReader, begins_http
from addons.tls.layers import ClientTlsLayer
from addons.tunnels.opening import Opening, TunnelBrokenHook, TunnelHelloHook
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands

ACCESS_DENIED: Final = 49
DECODE_ERROR: Final = 50
INTERNAL_ERROR: Final = 80
UNRECOGNIZED_NAME: Final = 112
_PLAIN: Final = "This port speaks HTTPS, and not HTTP."


def alert(description: int) -> bytes:
    """A fatal alert, as it is sent before any key was agreed on."""
    return bytes([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description])


class ServerOpening(Layer):
    """Holds the first bytes until the hello is whole; `inside` makes the layer that speaks HTTP within TLS."""

    def __init__(self, context: Context, inside: Callable[[Context], Layer], bounds: Bounds) -> None:
        super().__init__(context)
        self._inside: Final = inside
        self._held: Final = bytearray()
        self._hello: Final = HelloReader(bounds.opening)
        self._is_over = False
        self._child: Layer | None = None

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if self._child is not None:
            yield from self._child.handle_event(event)
        elif isinstance(event, events.Start):
            yield Await(Phase.HANDSHAKE)
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)
        elif self._is_over:
            return
        elif isinstance(event, events.Wakeup):
            yield from self._break(Reason.HEAD_TIMEOUT, b"")
        elif isinstance(event, events.DataReceived):
            self._held.extend(event.data)
            yield from self._look()

    def _look(self) -> Commands:
        is_http = begins_http(self._held)
        if is_http:
            yield from self._refuse_http()
            return
        if is_http is None:
            return
        try:
            hello = self._hello.read(self._held)
        except Broken:
            yield from self._break(Reason.MALFORMED_REQUEST, alert(DECODE_ERROR))
            return
        if hello is None:
            return
        opening = Opening(self.context.client, hello)
        yield TunnelHelloHook(opening)
        if opening.treatment != "inspect":
            unknown = opening.problem is Reason.NO_CERTIFICATE
            yield from self._end(alert(UNRECOGNIZED_NAME if unknown else ACCESS_DENIED))
            return
        self._child = ClientTlsLayer(self.context, hello)
        self._child.child_layer = self._inside(self.context)
        yield Enter(Phase.HANDSHAKE)
        held = bytes(self._held)
        self._held.clear()
        yield from self._child.handle_event(events.Start())
        yield from self._child.handle_event(events.DataReceived(self.context.client, held))

    def _refuse_http(self) -> Commands:
        head = UnreadableHead(self.context.client, refuse(Reason.PROTOCOL_REFUSED, _PLAIN))
        yield UnreadableHeadHook(head)
        yield from self._end(
            b"" if head.response is None else http1.assemble_response(head.response)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        )

    def _break(self, problem: Reason, said: bytes) -> Commands:
        yield TunnelBrokenHook(Opening(self.context.client, problem=problem))
        yield from self._end(said)

    def _end(self, said: bytes) -> Commands:
        self._is_over = True
        self._held.clear()
        if said:
            yield commands.SendData(self.context.client, said)
        yield commands.CloseConnection(self.context.client)
