from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData

from addons.client_tls import ClientTls
from addons.options import LayerOptions, for_layers
from gateway.authority.keeping import load_or_make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mitmproxy.connection import Client, Connection

    from tests.adapters.scene import Scene


def tls_of(connection: Connection, client: Client) -> TlsData:
    return TlsData(connection, Context(client, for_layers(LayerOptions())))


def test_contexts_are_kept_by_host_and_bounded(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = ClientTls(stage.connections, load_or_make(tmp_path))
    client = stage.client()
    stage.connect(client, "site.example:443")

    one, two = tls_of(client, client), tls_of(client, client)
    certificates.tls_start_client(one)
    certificates.tls_start_client(two)

    assert one.ssl_conn is not None
    assert two.ssl_conn is not None
    assert one.ssl_conn.get_context() is two.ssl_conn.get_context()


def test_tls_outside_of_a_tunnel_is_refused(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = ClientTls(stage.connections, load_or_make(tmp_path))
    client = stage.client()
    tls = tls_of(client, client)

    with pytest.raises(LookupError):
        certificates.tls_start_client(tls)
    assert tls.ssl_conn is None
