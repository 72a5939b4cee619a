"""The handshake of HTTP/3: a hello for a host that is served here, judged as on TCP, and answered by its certificate.

Source: RFC 9001 section 4 (TLS in QUIC), section 4.8 (alerts), RFC 9114 section 3.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

from aioquic.quic.events import HandshakeCompleted
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import Layer
from mitmproxy.tls import ClientHello

from addons.connections.phases import Await, Enter, Phase
from addons.http3.quic import HelloHeard
from addons.http3.session import Heard
from addons.tls.server_opening import ACCESS_DENIED, DECODE_ERROR, UNRECOGNIZED_NAME
from addons.tunnels.opening import Opening, TunnelBrokenHook, TunnelHelloHook
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.events import QuicEvent
    from mitmproxy.connection import Client
    from mitmproxy.proxy.context import Context

    from addons.http1.client_side import Commands
    from addons.http3.quic import GatewayQuic
    from gateway.authority.shown import Shown

HTTP3: Final = b"h3"


@dataclass(slots=True)
class Showing:
    """A handshake that wants a certificate; a hook says which is `shown`."""

    client: Client
    shown: Shown | None = None


@dataclass
class QuicHelloHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A hello was let through, and is to be answered."""

    data: Showing


class QuicOpening(Layer):
    """Sees to the handshake; `inside` makes the layer that speaks HTTP in it."""

    def __init__(self, context: Context, quic: GatewayQuic, inside: Callable[[Context], Layer]) -> None:
        super().__init__(context)
        self._quic: Final = quic
        self._inside: Final = inside
        self._is_over = False
        self._child: Layer | None = None

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if self._child is not None:
            yield from self._child.handle_event(event)
        elif isinstance(event, events.Start):
            yield Await(Phase.HANDSHAKE)
        elif self._is_over:
            return
        elif isinstance(event, Heard):
            yield from self._hear(event)
        elif isinstance(event, events.ConnectionClosed):
            yield from self._break(Reason.PROTOCOL_REFUSED)
        elif isinstance(event, events.Wakeup):
            yield from self._break(Reason.HEAD_TIMEOUT)

    def _hear(self, heard: Heard) -> Commands:
        if heard.fault is not None:
            yield from self._break(Reason.PROTOCOL_REFUSED)
            return
        for number, each in enumerate(heard.events, 1):
            if isinstance(each, HelloHeard):
                yield from self._judge(each)
            elif isinstance(each, HandshakeCompleted):
                yield from self._go_on(each, heard.events[number:])
                return

    def _judge(self, heard: HelloHeard) -> Commands:
        try:
            hello = ClientHello(heard.body)
        except (EOFError, ValueError):
            self._quic.refuse(DECODE_ERROR)
            yield from self._break(Reason.MALFORMED_REQUEST)
            return
        opening = Opening(self.context.client, hello)
        yield TunnelHelloHook(opening)
        if opening.treatment != "inspect":
            unknown = opening.problem is Reason.NO_CERTIFICATE
            self._quic.refuse(UNRECOGNIZED_NAME if unknown else ACCESS_DENIED)
            yield from self._end()
            return
        showing = Showing(self.context.client)
        yield QuicHelloHook(showing)
        if showing.shown is None:
            raise LookupError("a handshake without a certificate")
        self.context.client.sni = hello.sni
        self._quic.go_on(showing.shown)

    def _go_on(self, done: HandshakeCompleted, rest: tuple[QuicEvent, ...]) -> Commands:
        if done.alpn_protocol != HTTP3.decode() or done.early_data_accepted:
            raise LookupError("another protocol than was offered, or data before the handshake")
        client = self.context.client
        client.alpn, client.tls, client.tls_version = HTTP3, True, "TLSv1.3"
        client.timestamp_tls_setup = time.time()
        self._child = self._inside(self.context)
        yield Enter(Phase.IDLE)
        yield from self._child.handle_event(events.Start())
        yield from self._child.handle_event(Heard(client, rest))

    def _break(self, problem: Reason) -> Commands:
        yield TunnelBrokenHook(Opening(self.context.client, problem=problem))
        yield from self._end()

    def _end(self) -> Commands:
        self._is_over = True
        yield commands.CloseConnection(self.context.client)
