"""TLS towards upstreams: who answers must prove to be the host that was judged."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

from mitmproxy.connection import Server
from OpenSSL import SSL

from addons.tls.sessions import Sessions
from addons.tls.upstream_contexts import upstream_context

if TYPE_CHECKING:
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import TlsData

    from addons.judging.exchange import Connections
    from addons.tls.sessions import Shaking
    from gateway.upstreams.trust import Trust

_HTTP1: Final = b"http/1.1"


class TrustSource(Protocol):
    """Holds what upstreams are measured by, which may be replaced at any time."""

    @property
    def current(self) -> Trust:
        """What is in force now."""


@dataclass(slots=True)
class UpstreamTls:
    """The hook that sets up TLS towards upstreams."""

    connections: Connections
    trust: TrustSource
    sessions: Sessions = field(default_factory=lambda: Sessions(monotonic))
    _shaking: dict[str, Shaking] = field(default_factory=dict)
    _measure: Trust | None = None
    _contexts: dict[bool, SSL.Context] = field(default_factory=dict)

    def tls_start_server(self, data: TlsData) -> None:
        """Ask an upstream who it is: its certificate must be trusted and must name the host that was judged."""
        name = data.conn.sni
        if name is None:
            raise ValueError("an upstream without a name cannot be verified")
        state = self.connections.state(data.context.client.id)
        verify = not state.listener.settings.unsafe_skip_verify
        data.ssl_conn = self.towards(name, verify=verify)
        data.ssl_conn.set_alpn_protos(_offers(data, http2=state.listener.settings.http2))
        endpoint = data.conn.address if isinstance(data.conn, Server) else None
        if endpoint is None:
            raise ValueError("an upstream without an address cannot be verified")
        if verify:
            who = (state.listener.name, name, endpoint[1])
            self._shaking[data.conn.id] = self.sessions.begin(who, data.ssl_conn)
        else:
            state.unverified.add((endpoint[0], endpoint[1]))

    def towards(self, name: str, *, verify: bool) -> SSL.Connection:
        """A client's end of TLS, for whoever has to prove to be `name`. Raises ValueError for what is no name."""
        connection = SSL.Connection(self._context(verify=verify))
        _expect(connection, name)
        connection.set_connect_state()
        return connection

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """A connection is over: whoever proved who it is may be spoken to again without a proof, for a while."""
        shaken = self._shaking.pop(data.server.id, None)
        if shaken is not None and shaken.connection.get_context() is self._contexts.get(True):
            self.sessions.keep(shaken)

    def _context(self, *, verify: bool) -> SSL.Context:
        """Reading the authorities takes milliseconds, so that it is done once for what is in force."""
        trust = self.trust.current
        if trust is not self._measure:
            self._contexts.clear()
            self.sessions.forget()
            self._measure = trust
        context = self._contexts.get(verify)
        if context is None:
            context = self._contexts[verify] = upstream_context(trust, verify=verify)
        return context


def _offers(data: TlsData, *, http2: bool) -> list[bytes]:
    """What the layer below wants to offer, if the listener lets it."""
    return list(data.conn.alpn_offers) if http2 and data.conn.alpn_offers else [_HTTP1]


def _expect(connection: SSL.Connection, name: str) -> None:
    """Bind verification to `name`: a DNS name is also sent as SNI, an address never is (RFC 6066 section 3).

    A wildcard stands for one whole label, the first one; the common name is no name of a host (RFC 9525 section 6).
    """
    lib: Any = vars(SSL)["_lib"]  # pyOpenSSL has no public way to bind a host name to verification
    param = lib.SSL_get0_param(connection._ssl)  # noqa: SLF001 - pyOpenSSL has no public way to bind a host name to verification
    flags = lib.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | lib.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
    lib.X509_VERIFY_PARAM_set_hostflags(param, flags)
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
