from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import TlsData

from addons.judging.exchange import exchange_of
from addons.serving.options import LayerOptions, for_layers
from addons.tls.handshakes import Handshakes
from addons.tls.layers import CLOSED, SILENT
from gateway.policy.model import Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client

    from tests.adapters.scene import Scene

NOT_SOON = 60.0


class Attempt:
    """An exchange that was admitted to an origin, and the connection to it."""

    def __init__(self, scene: Scene, timeout: float) -> None:
        self.client: Client = scene.client()
        self.flow = scene.ask(self.client, "GET http://site.example/ HTTP/1.1\nHost: site.example")
        self.server = Server(address=("site.example", 80))
        self.server.tls = True
        self.handshakes = Handshakes(scene.connections, timeout)

    def connected(self) -> None:
        self.handshakes.server_connected(ServerConnectionHookData(self.server, self.client))

    def failed(self, error: str) -> None:
        self.server.error = error
        self.handshakes.tls_failed_server(self._tls())

    def established(self) -> None:
        self.handshakes.tls_established_server(self._tls())

    def _tls(self) -> TlsData:
        return TlsData(self.server, Context(self.client, for_layers(LayerOptions())))

    @property
    def outcome(self) -> tuple[Verdict, Reason]:
        exchange = exchange_of(self.flow)
        assert exchange is not None
        assert exchange.outcome is not None
        return exchange.outcome.verdict, exchange.outcome.reason


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (Reason.UPSTREAM_EXPIRED, Reason.UPSTREAM_EXPIRED.value),
        (Reason.UPSTREAM_BROKEN, SILENT),
        (Reason.UPSTREAM_BROKEN, CLOSED),
        (Reason.UPSTREAM_UNTRUSTED, "words that nobody knows"),
    ],
)
def test_a_handshake_that_failed_ends_the_exchange_with_the_reason(
    wanted: Reason, error: str, scene: Callable[..., Scene]
) -> None:
    attempt = Attempt(scene(), NOT_SOON)
    attempt.failed(error)

    assert attempt.outcome == (Verdict.DENY, wanted)


@pytest.mark.parametrize(("wanted", "error"), [(Reason.UPSTREAM_NO_TLS, SILENT), (Reason.UPSTREAM_TIMEOUT, CLOSED)])
def test_a_handshake_that_takes_too_long_is_given_up(wanted: Reason, error: str, scene: Callable[..., Scene]) -> None:
    attempt = Attempt(scene(), 0.0)

    async def read() -> None:
        attempt.connected()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            attempt.failed(error)
            raise

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(read())
    assert attempt.outcome == (Verdict.DENY, wanted)


@pytest.mark.parametrize("how", ["established", "gone"])
def test_a_handshake_that_is_over_is_not_given_up(how: str, scene: Callable[..., Scene]) -> None:
    attempt = Attempt(scene(), 0.0)

    async def read() -> str:
        attempt.connected()
        if how == "established":
            attempt.established()
        else:
            attempt.handshakes.server_disconnected(ServerConnectionHookData(attempt.server, attempt.client))
        for _ in range(3):
            await asyncio.sleep(0)
        return "not stopped"

    assert asyncio.run(read()) == "not stopped"


def test_a_connection_without_tls_has_no_handshake(scene: Callable[..., Scene]) -> None:
    attempt = Attempt(scene(), 0.0)
    attempt.server.tls = False

    async def read() -> str:
        attempt.connected()
        await asyncio.sleep(0.01)
        return "not stopped"

    assert asyncio.run(read()) == "not stopped"
