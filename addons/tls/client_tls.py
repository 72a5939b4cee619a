"""TLS towards clients whose tunnel is inspected: a certificate of our authority for the host that was asked for.

All leaves share one key that lives in memory only; contexts are kept by host, bounded, and renewed before their leaves
expire.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from gateway.authority.leaves import renewal, sign_leaf
from gateway.authority.shelf import Shelf
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509
    from mitmproxy.tls import TlsData

    from addons.judging.exchange import Connections, ConnectionState
    from gateway.authority.signers import Authority

_CONTEXTS: Final = 1024
_HTTP1: Final = b"http/1.1"
_HTTP2: Final = b"h2"


def _choose_http1(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    return _HTTP1 if _HTTP1 in offered else SSL.NO_OVERLAPPING_PROTOCOLS


def _choose_http2(connection: SSL.Connection, offered: list[bytes]) -> Any:
    return _HTTP2 if _HTTP2 in offered else _choose_http1(connection, offered)


@dataclass(slots=True)
class ClientTls:
    """The hook that sets up TLS towards clients, with leaves of `authority`. `clock`: seconds since the epoch, UTC."""

    connections: Connections
    authority: Authority
    clock: Callable[[], float] = time.time
    _leaf_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _contexts: Shelf[SSL.Context] = field(default_factory=lambda: Shelf(_CONTEXTS))

    def sign_with(self, authority: Authority) -> None:
        """From now on, leaves are signed by this authority; connections that stand are left alone."""
        self.authority = authority
        self._contexts.clear()

    def tls_start_client(self, data: TlsData) -> None:
        """Show the certificate of the host that the tunnel was opened for, whatever the hello asks."""
        state = self.connections.state(data.context.client.id)
        if state.mode is Mode.REVERSE:
            return
        data.ssl_conn = SSL.Connection(self._context(_host_of(state), http2=state.listener.settings.http2))
        data.ssl_conn.set_accept_state()

    def _context(self, host: str, *, http2: bool) -> SSL.Context:
        key = f"h2 {host}" if http2 else host
        now = dt.datetime.fromtimestamp(self.clock(), dt.UTC)
        context = self._contexts.find(key, now.timestamp())
        if context is None:
            leaf = sign_leaf(self.authority, host, self._leaf_key.public_key(), now)
            context = self._new_context(leaf, http2=http2)
            self._contexts.keep(key, context, renewal(leaf, now).timestamp())
        return context

    def _new_context(self, leaf: x509.Certificate, *, http2: bool) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate(leaf)
        for each in self.authority.sent:
            context.add_extra_chain_cert(each)
        context.use_privatekey(self._leaf_key)
        context.set_alpn_select_callback(_choose_http2 if http2 else _choose_http1)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return context


def _host_of(state: ConnectionState) -> str:
    if state.connect_host is None:
        raise LookupError("tls outside of a tunnel")
    return str(state.connect_host)
