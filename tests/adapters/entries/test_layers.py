from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Client
from mitmproxy.http import Response
from mitmproxy.options import Options
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HTTPMode

from addons.connections.bounds import Bounds
from addons.entries.handshake import SocksHandshake
from addons.entries.layers import Ways, no_room_for
from addons.streams.layer import GatewayHttpLayer
from addons.tls.server_opening import INTERNAL_ERROR, ServerOpening, alert
from addons.tunnels.opening import TunnelOpening
from gateway.config.settings import ServerTlsSettings
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.proxy.layer import Layer

    from gateway.config.settings import Entry
    from tests.adapters.scene import Scene


@pytest.mark.parametrize(
    ("kind", "mode", "entry"),
    [
        (GatewayHttpLayer, Mode.FORWARD, "proxy"),
        (GatewayHttpLayer, Mode.REVERSE, "proxy"),
        (SocksHandshake, Mode.FORWARD, "socks5"),
        (TunnelOpening, Mode.FORWARD, "transparent"),
    ],
)
def test_every_entry_has_its_first_layer(
    kind: type[Layer], mode: Mode, entry: Entry, scene: Callable[..., Scene]
) -> None:
    settings = replace(scene().listener.settings, mode=mode, entry=entry)
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))

    first = Ways(settings, Bounds()).first(Context(client, Options()))

    assert type(first) is kind
    if isinstance(first, GatewayHttpLayer):
        assert first.mode is (HTTPMode.regular if mode is Mode.FORWARD else HTTPMode.transparent)


def test_a_front_door_with_tls_reads_a_hello_first_and_turns_away_by_an_alert(scene: Callable[..., Scene]) -> None:
    shown = ServerTlsSettings(certificates=())
    settings = replace(scene(mode=Mode.REVERSE).listener.settings, tls=shown)
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))

    assert type(Ways(settings, Bounds()).first(Context(client, Options()))) is ServerOpening
    assert no_room_for(settings, Response.make(503)) == alert(INTERNAL_ERROR)


@pytest.mark.parametrize(
    ("said", "entry"), [(b"HTTP/1.1 503 ", "proxy"), (b"\x05\xff", "socks5"), (b"", "transparent")]
)
def test_a_client_without_a_place_is_told_in_its_own_words(
    said: bytes, entry: Entry, scene: Callable[..., Scene]
) -> None:
    told = no_room_for(replace(scene().listener.settings, entry=entry), Response.make(503))

    assert told.startswith(said)
    assert bool(told) is bool(said)
