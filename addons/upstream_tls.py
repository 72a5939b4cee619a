"""TLS towards upstreams: who answers must prove to be the host that was judged."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL

if TYPE_CHECKING:
    from mitmproxy.tls import TlsData

    from addons.exchange import Connections

_HTTP1: Final = b"http/1.1"


@dataclass(slots=True)
class UpstreamTls:
    """The hook that sets up TLS towards upstreams.

    `trust` is a PEM file with the authorities for upstreams; None means those of the system.
    """

    connections: Connections
    trust: str | None = None

    def tls_start_server(self, data: TlsData) -> None:
        """Ask an upstream who it is: its certificate must be trusted and must name the host that was judged."""
        name = data.conn.sni
        if name is None:
            raise ValueError("an upstream without a name cannot be verified")
        state = self.connections.state(data.context.client.id)
        verify = not state.listener.settings.unsafe_skip_verify
        data.ssl_conn = SSL.Connection(_upstream_context(self.trust, verify=verify))
        _expect(data.ssl_conn, name)
        data.ssl_conn.set_alpn_protos([_HTTP1])
        data.ssl_conn.set_connect_state()


@lru_cache(maxsize=8)
def _upstream_context(trust: str | None, *, verify: bool) -> SSL.Context:
    """Reading the authorities takes milliseconds, so that it is done once per file."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER if verify else SSL.VERIFY_NONE)
    if trust is None:
        context.set_default_verify_paths()
    else:
        context.load_verify_locations(trust)
    return context


def _expect(connection: SSL.Connection, name: str) -> None:
    """Bind verification to `name`: a DNS name is also sent as SNI, an address never is (RFC 6066 section 3)."""
    lib: Any = vars(SSL)["_lib"]  # pyOpenSSL has no public way to bind a host name to verification
    param = lib.SSL_get0_param(connection._ssl)  # noqa: SLF001 - pyOpenSSL has no public way to bind a host name to verification
    lib.X509_VERIFY_PARAM_set_hostflags(param, lib.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    try:
        packed = ipaddress.ip_address(name).packed
    except ValueError:
        encoded = name.encode("ascii")
        connection.set_tlsext_host_name(encoded)
        bound = lib.X509_VERIFY_PARAM_set1_host(param, encoded, len(encoded))
    else:
        bound = lib.X509_VERIFY_PARAM_set1_ip(param, packed, len(packed))
    if bound != 1:
        raise ValueError("the name of the upstream cannot be verified")
