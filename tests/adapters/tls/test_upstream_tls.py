from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData

from addons.serving.options import LayerOptions, for_layers
from addons.tls.upstream_tls import UpstreamTls
from gateway.upstreams.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene


@dataclass
class Believed:
    current: Trust


def test_an_upstream_without_a_name_is_not_dialled(scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = UpstreamTls(stage.connections, Believed(Trust()))
    tls = TlsData(Server(address=("192.0.2.1", 443)), Context(stage.client(), for_layers(LayerOptions())))

    with pytest.raises(ValueError, match="cannot be verified"):
        certificates.tls_start_server(tls)
    assert tls.ssl_conn is None
