from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData
from OpenSSL import SSL

from addons.serving.options import LayerOptions, for_layers
from addons.tls.client_tls import ClientTls
from gateway.authority.keeping import load_or_make
from gateway.authority.making import make, planned
from gateway.authority.signers import AuthorityUnusable
from tests.authorities import DAY, NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mitmproxy.connection import Client, Connection

    from tests.adapters.scene import Scene


def tls_of(connection: Connection, client: Client) -> TlsData:
    return TlsData(connection, Context(client, for_layers(LayerOptions())))


def context_of(certificates: ClientTls, client: Client) -> SSL.Context:
    """The context of one more handshake of this client."""
    tls = tls_of(client, client)
    certificates.tls_start_client(tls)
    assert tls.ssl_conn is not None
    return tls.ssl_conn.get_context()


def client_of(stage: Scene, host: str = "site.example") -> Client:
    client = stage.client()
    stage.connect(client, f"{host}:443")
    return client


def test_contexts_are_kept_by_host_and_bounded(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = ClientTls(stage.connections, load_or_make(tmp_path / "ca"))
    client = client_of(stage)

    assert context_of(certificates, client) is context_of(certificates, client)
    assert context_of(certificates, client) is not context_of(certificates, client_of(stage, "other.example"))


@pytest.mark.parametrize("http2", [True, False])
def test_http2_is_offered_where_the_listener_says_so(scene: Callable[..., Scene], *, http2: bool) -> None:
    stage = scene()
    stage.listener.settings = replace(stage.listener.settings, http2=http2)
    certificates = ClientTls(stage.connections, make(NOW, planned("Example", [], [], 10 * 86_400.0)))
    client = client_of(stage)
    server = SSL.Connection(context_of(certificates, client))
    server.set_accept_state()
    asking = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    asking.set_alpn_protos([b"h2", b"http/1.1"])
    asking.set_connect_state()
    for _ in range(4):
        for here, there in ((asking, server), (server, asking)):
            with suppress(SSL.WantReadError):
                here.do_handshake()
            with suppress(SSL.WantReadError):
                there.bio_write(here.bio_read(65536))

    assert server.get_alpn_proto_negotiated() == (b"h2" if http2 else b"http/1.1")


def test_a_leaf_is_renewed_before_it_expires(scene: Callable[..., Scene]) -> None:
    stage, now = scene(), [NOW.timestamp()]
    certificates = ClientTls(stage.connections, make(NOW, planned("Example", [], [], 10 * 86_400.0)), lambda: now[0])
    client = client_of(stage)
    first = context_of(certificates, client)

    now[0] = (NOW + 8 * DAY).timestamp()
    assert context_of(certificates, client) is first
    now[0] = (NOW + 9.5 * DAY).timestamp()
    assert context_of(certificates, client) is not first
    now[0] = (NOW + 11 * DAY).timestamp()
    with pytest.raises(AuthorityUnusable, match="authority expired on"):
        context_of(certificates, client)


def test_another_authority_signs_everything_anew(scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = ClientTls(stage.connections, make(NOW))
    client, other = client_of(stage), make(NOW)
    before = context_of(certificates, client)

    certificates.sign_with(other)

    assert certificates.authority is other
    assert context_of(certificates, client) is not before


def test_what_the_authority_may_not_sign_for_is_not_signed(scene: Callable[..., Scene]) -> None:
    stage, plan = scene(), planned("Example", ["corp.example"], [], 86_400.0)
    certificates = ClientTls(stage.connections, replace(make(NOW), bounds=plan.constraints))

    with pytest.raises(AuthorityUnusable, match=r"its name constraints permit corp\.example alone"):
        context_of(certificates, client_of(stage))
    assert context_of(certificates, client_of(stage, "www.corp.example")) is not None


def test_tls_outside_of_a_tunnel_is_refused(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = ClientTls(stage.connections, load_or_make(tmp_path / "ca"))
    client = stage.client()
    tls = tls_of(client, client)

    with pytest.raises(LookupError):
        certificates.tls_start_client(tls)
    assert tls.ssl_conn is None
