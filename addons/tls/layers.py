"""The two layers of TLS, with what mitmproxy's do for people who look at traffic left out.

mitmproxy's layers read a hello that was read already, make objects of every certificate of a chain, and turn errors
into sentences. Here an error of an upstream becomes a reason, and whoever is at the other end is told by an alert
(RFC 8446 section 6.2) why there is no connection.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, override

from mitmproxy.proxy import events
from mitmproxy.proxy.layers import tls
from mitmproxy.tls import ClientHelloData, TlsData
from OpenSSL import SSL

from addons.tls.failures import why_failed
from addons.tls.passage import passed, stands
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Generator

    from mitmproxy.connection import Server
    from mitmproxy.proxy import commands
    from mitmproxy.proxy.context import Context
    from mitmproxy.tls import ClientHello

    from addons.http1.client_side import Commands

    type Progress = Generator[commands.Command, Any, tuple[bool, str | None]]
    """Whether the handshake is done, and what ended it before."""

SILENT: Final = "closed before it said anything"
CLOSED: Final = "closed in the middle of the handshake"
_RECORDS: Final = frozenset({20, 21, 22})
"""Types of records in which an answer to a hello may begin: a change of ciphers, an alert, a handshake."""


class UpstreamTlsLayer(tls.ServerTLSLayer):
    """TLS with an upstream. `conn.error` holds the word of the reason for which a handshake failed."""

    def __init__(self, context: Context, conn: Server | None = None) -> None:
        super().__init__(context, conn)
        self._is_silent = True

    @override
    def handle_event(self, event: events.Event) -> Commands:
        return passed(self, event) if stands(self, event) else super().handle_event(event)

    @override
    def receive_handshake_data(self, data: bytes) -> Progress:
        if data and self._is_silent:
            self._is_silent = False
            if data[0] not in _RECORDS:
                return False, Reason.UPSTREAM_NO_TLS.value
        try:
            _shake(self.tls, data)
        except SSL.WantReadError:
            yield from self.tls_interact()
            return False, None
        except SSL.Error as error:
            yield from self.tls_interact()
            return False, why_failed(self.tls, error).value
        _remember(self)
        yield tls.TlsEstablishedServerHook(TlsData(self.conn, self.context, self.tls))
        yield from self.receive_data(b"")
        return True, None

    @override
    def on_handshake_error(self, err: str) -> Commands:
        if err == "connection closed":
            err = SILENT if self._is_silent else CLOSED
        yield from super().on_handshake_error(err)


class ClientTlsLayer(tls.ClientTLSLayer):
    """TLS with a client, whose `hello` was read before."""

    def __init__(self, context: Context, hello: ClientHello) -> None:
        super().__init__(context)
        self._hello: Final = hello

    @override
    def handle_event(self, event: events.Event) -> Commands:
        return passed(self, event) if stands(self, event) else super().handle_event(event)

    @override
    def receive_handshake_data(self, data: bytes) -> Progress:
        if not self.client_hello_parsed:
            self.client_hello_parsed = True
            self.conn.sni = self._hello.sni
            self.conn.alpn_offers = self._hello.alpn_protocols
            yield tls.TlsClienthelloHook(ClientHelloData(self.context, self._hello))
            yield from self.start_tls()
            if not self.conn.connected:
                return False, "connection closed early"
        try:
            _shake(self.tls, data)
        except SSL.WantReadError:
            yield from self.tls_interact()
            return False, None
        except SSL.Error as error:
            yield from self.tls_interact()
            return False, str(error)
        _remember(self)
        yield tls.TlsEstablishedClientHook(TlsData(self.conn, self.context, self.tls))
        if self.conn.tls_version == "TLSv1.3":
            yield from self._receive_early()
        else:
            yield from self.receive_data(b"")
        return True, None

    def _receive_early(self) -> Commands:
        """Take what came with the end of the handshake, and leave the tickets that are ready to go with the answer.

        In TLS 1.3 a client waits for nothing any more. That is one write less of the six of a new connection, all of
        which together are a fifth of its processor time.
        """
        early = bytearray()
        try:
            while True:
                early += self.tls.recv(65535)
        except SSL.Error as end:
            if early:
                yield from self.event_to_child(events.DataReceived(self.conn, bytes(early)))
            if not isinstance(end, SSL.WantReadError):
                yield from self.receive_data(b"")


def _shake(connection: SSL.Connection, data: bytes) -> None:
    if data:
        connection.bio_write(data)
    connection.do_handshake()


def _remember(layer: tls.TLSLayer) -> None:
    """What is known of a connection once its handshake is done, without the certificates."""
    connection, shaken = layer.conn, layer.tls
    connection.certificate_list = []
    connection.timestamp_tls_setup = time.time()
    connection.alpn = shaken.get_alpn_proto_negotiated()
    connection.cipher = shaken.get_cipher_name()
    connection.tls_version = shaken.get_protocol_version_name()  # type: ignore[assignment]  # the words are the same
