"""TLS towards the clients of reverse listeners: the certificate of the host that they ask for, and who they are.

A host that no certificate is for is refused before anything is shown to it. What a client proves in the handshake
holds for every request on the connection: it is told to the policy, to the log, and to the backend.

Source: RFC 6066 section 3 (server names), RFC 9440 (the field Client-Cert).
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from addons.judging.heads import Unnameable
from addons.judging.translate import server_name
from addons.tls.failures import verify_result
from addons.tls.server_contexts import LIFETIME, server_context
from gateway.policy.model import Missing, Mode, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mitmproxy.tls import TlsData

    from addons.http3.opening import Showing
    from addons.judging.admission import Admission
    from addons.judging.exchange import Connections, ConnectionState
    from addons.tunnels.opening import Opening
    from gateway.authority.shown import Shown
    from gateway.control.fronts import FrontStore, Shopfront
    from gateway.policy.model import Decision, Fact
    from gateway.policy.names import Host

_LONGEST_NAME: Final = 256
_VERSIONS: Final = {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}
_NAMELESS: Final = "The client names no host, and there is no default certificate."
_UNKNOWN: Final = "There is no certificate for the host that the client names."
_NO_CERTIFICATE: Final = "peer did not return a certificate"

type _Made = dict[Shown, tuple[float, SSL.Context]]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who a client proved to be: a `name` for policy and log, and its certificate as a backend is told of it."""

    name: str
    field: bytes

    @classmethod
    def of(cls, certificate: x509.Certificate) -> ClientIdentity:
        """The identity in a certificate that was verified."""
        der = certificate.public_bytes(Encoding.DER)
        name = next(each for each in _names(certificate) if each.isprintable() and 0 < len(each) <= _LONGEST_NAME)
        return cls(name, b":" + base64.b64encode(der) + b":")


def _names(certificate: x509.Certificate) -> Iterator[str]:
    """What a certificate calls its owner, the most telling one first."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        yield from found.get_values_for_type(x509.RFC822Name)
        yield from found.get_values_for_type(x509.UniformResourceIdentifier)
    subject = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    yield from (str(each.value) for each in subject)
    yield certificate.subject.rfc4514_string()
    yield f"sha256:{certificate.fingerprint(hashes.SHA256()).hex()}"


@dataclass(slots=True)
class ServerTls:
    """The hooks around a client's handshake on a reverse listener. Goes before the hooks that look into hellos.

    `stores` holds what each listener shows, by the name of the listener; `clock` is monotonic, in seconds.
    """

    connections: Connections
    admission: Admission
    stores: Mapping[str, FrontStore]
    clock: Callable[[], float] = time.monotonic
    _contexts: WeakKeyDictionary[Shopfront, _Made] = field(default_factory=WeakKeyDictionary)

    def tunnel_hello(self, opening: Opening) -> None:
        """Refuse a client that asks for a host for which there is no certificate."""
        state = self.connections.state(opening.client.id)
        if state.mode is not Mode.REVERSE or opening.hello is None:
            return
        try:
            name = server_name(opening.hello)
        except Unnameable:
            return  # the hook behind this one refuses it
        if self._find(state, name)[1] is None:
            opening.problem = Reason.NO_CERTIFICATE
            asked = _NAMELESS if isinstance(name, Missing) else _UNKNOWN
            self.admission.turn_away(state, refuse(Reason.NO_CERTIFICATE, asked), opening.hello)

    def tls_start_client(self, data: TlsData) -> None:
        """Show the certificate of the host that the hello asks for."""
        state = self.connections.state(data.context.client.id)
        if state.mode is not Mode.REVERSE:
            return
        shopfront, shown = self._find(state, state.tls_sni)
        if shown is None:
            raise LookupError("a handshake without a certificate")
        data.ssl_conn = SSL.Connection(self._context(shopfront, shown, http2=state.listener.settings.http2))
        data.ssl_conn.set_accept_state()

    def quic_hello(self, showing: Showing) -> None:
        """Show the same certificate in QUIC, which is TLS 1.3 always."""
        state = self.connections.state(showing.client.id)
        shopfront, showing.shown = self._find(state, state.tls_sni)
        if shopfront.client_auth != "off":
            raise LookupError("clients are to show certificates, which they cannot here")
        state.tls_version = "1.3"

    def _find(self, state: ConnectionState, name: Fact[Host]) -> tuple[Shopfront, Shown | None]:
        shopfront = self.stores[state.listener.name].current
        return shopfront, shopfront.find(None if isinstance(name, Missing) else name)

    def _context(self, shopfront: Shopfront, shown: Shown, *, http2: bool) -> SSL.Context:
        """A context is forgotten with the shopfront that it was made for; connections that stand keep theirs."""
        made, now = self._contexts.setdefault(shopfront, {}), self.clock()
        due, context = made.get(shown, (0.0, None))
        if context is None or now >= due:
            context = server_context(shown, shopfront, http2=http2)
            made[shown] = (now + LIFETIME, context)
        return context

    def tls_established_client(self, data: TlsData) -> None:
        """Remember what was agreed on, and who the client proved to be."""
        state = self.connections.state(data.context.client.id)
        if state.mode is not Mode.REVERSE or data.ssl_conn is None:
            return
        state.tls_version = _VERSIONS[data.ssl_conn.get_protocol_version_name()]
        if self.stores[state.listener.name].current.client_auth == "off":
            return
        certificate = data.ssl_conn.get_peer_certificate(as_cryptography=True)
        if certificate is not None:
            if verify_result(data.ssl_conn) != 0:
                raise LookupError("a client certificate that was not verified")
            state.identity = ClientIdentity.of(certificate)

    def tls_failed_client(self, data: TlsData) -> None:
        """A handshake came to nothing; that is on record, with the reason if it was the client's certificate."""
        state = self.connections.find(data.context.client.id)
        if state is not None and state.mode is Mode.REVERSE and state.treatment != "refuse":
            self.admission.turn_away(state, _why_failed(data))


def _why_failed(data: TlsData) -> Decision:
    error = data.conn.error or ""
    if _NO_CERTIFICATE in error:
        return refuse(Reason.IDENTITY_REQUIRED, "The client showed no certificate.")
    result = 0 if data.ssl_conn is None else verify_result(data.ssl_conn)
    if result != 0:
        return refuse(Reason.IDENTITY_REQUIRED, f"The client's certificate is not believed (error {result}).")
    return refuse(Reason.PROTOCOL_REFUSED, "The client broke off the TLS handshake.")
