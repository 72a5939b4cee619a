"""The layers without sockets; what they come to over real ones is in tests/e2e/test_upstream_certificates.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import tls
from OpenSSL import SSL

from addons.serving.options import LayerOptions, for_layers
from addons.tls.layers import CLOSED, SILENT, UpstreamTlsLayer
from addons.tls.upstream_contexts import upstream_context
from gateway.policy.model import Reason
from gateway.upstreams.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene


class Upstream:
    """An upstream layer in the middle of its handshake."""

    def __init__(self, scene: Scene) -> None:
        context = Context(scene.client(), for_layers(LayerOptions()))
        context.server = Server(address=("site.example", 443))
        context.server.state = ConnectionState.OPEN
        self.server = context.server
        self.layer = UpstreamTlsLayer(context)
        self.sent: list[bytes] = []
        self.failures: list[str | None] = []
        self.tell(events.Start())

    def tell(self, event: events.Event) -> None:
        pending: list[events.Event] = [event]
        while pending:
            for command in self.layer.handle_event(pending.pop(0)):
                pending += self._obey(command)

    def _obey(self, command: commands.Command) -> list[events.Event]:
        if isinstance(command, commands.SendData):
            self.sent.append(command.data)
        elif isinstance(command, tls.TlsStartServerHook):
            connection = SSL.Connection(upstream_context(Trust(system_roots=False), verify=True))
            connection.set_connect_state()
            command.data.ssl_conn = connection
        elif isinstance(command, tls.TlsFailedServerHook):
            self.failures.append(self.server.error)
        if isinstance(command, commands.StartHook):
            return [events.HookCompleted(command)]
        return []


@pytest.fixture
def upstream(scene: Callable[..., Scene]) -> Upstream:
    return Upstream(scene())


def test_the_first_that_an_upstream_gets_is_a_hello(upstream: Upstream) -> None:
    assert [piece[:3] for piece in upstream.sent] == [b"\x16\x03\x01"]


@pytest.mark.parametrize("first", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\x00", b"220 mail\r\n"])
def test_what_does_not_begin_like_tls_is_none(first: bytes, upstream: Upstream) -> None:
    upstream.tell(events.DataReceived(upstream.server, first))

    assert upstream.failures == [Reason.UPSTREAM_NO_TLS.value]


def test_an_alert_is_understood(upstream: Upstream) -> None:
    upstream.tell(events.DataReceived(upstream.server, bytes.fromhex("15 0303 0002 02 46")))

    assert upstream.failures == [Reason.UPSTREAM_TLS_NOT_AGREED.value]


@pytest.mark.parametrize(("wanted", "before"), [(SILENT, b""), (CLOSED, b"\x16\x03")])
def test_an_upstream_that_leaves_is_told_by_what_it_had_said(wanted: str, before: bytes, upstream: Upstream) -> None:
    if before:
        upstream.tell(events.DataReceived(upstream.server, before))
    upstream.server.state = ConnectionState.CLOSED
    closed: Any = events.ConnectionClosed(upstream.server)
    upstream.tell(closed)

    assert upstream.failures == [wanted]
