"""The gateway's own certificate authority, and a certificate per inspected host signed by it.

The authority is made on the first start: EC P-256, ten years, its key readable by its owner alone, never logged. All
leaves share one key that lives in memory only; each is good for at most a year and is kept in a bounded cache.

Source: RFC 5280; lifetimes as browsers accept them.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

if TYPE_CHECKING:
    from pathlib import Path

    from mitmproxy.tls import TlsData

    from addons.exchange import Connections, ConnectionState

_NAME: Final = "Wicketgate"
_AUTHORITY_DAYS: Final = 3650
_LEAF_DAYS: Final = 365
_CONTEXTS: Final = 1024
_HTTP1: Final = b"http/1.1"


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate, to be installed by those whose connections are inspected."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the certificate, in pairs of hex digits with colons between them."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def load_or_make(folder: Path) -> Authority:
    """The authority in `folder`, made now if there is none. Raises OSError or ValueError if it cannot be read."""
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists() and not key.exists():
        _save(folder, _make(dt.datetime.now(dt.UTC)))
    secret = serialization.load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(secret, ec.EllipticCurvePrivateKey):
        raise ValueError(f"ca: `{key}` is no elliptic-curve key, move it away to have a new one made")  # noqa: TRY004 - a file is wrong, not an argument
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), secret)


def _save(folder: Path, authority: Authority) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / "ca.key", secret, 0o600)
    _write(folder / "ca.pem", authority.pem, 0o644)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_suffix(f"{path.suffix}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _make(now: dt.datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, _NAME), x509.NameAttribute(NameOID.COMMON_NAME, f"{_NAME} CA")]
    )
    signs = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    draft = (
        _draft(name, name, key.public_key(), now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
    )
    return Authority(draft.sign(key, hashes.SHA256()), key)


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def sign_leaf(authority: Authority, host: str, key: ec.EllipticCurvePublicKey, now: dt.datetime) -> x509.Certificate:
    """A server certificate for one host, a name or an address literal. Empty subject: the name is in the extension."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer = authority.certificate
    draft = (
        _draft(x509.Name([]), issuer.subject, key, now, _LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return draft.sign(authority.key, hashes.SHA256())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _choose_protocol(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    return _HTTP1 if _HTTP1 in offered else SSL.NO_OVERLAPPING_PROTOCOLS


@dataclass(slots=True)
class Certificates:
    """The hooks that set up TLS: towards clients with leaves of `authority`, towards upstreams with verification.

    `trust` is a PEM file with the authorities for upstreams; None means those of the system.
    """

    connections: Connections
    authority: Authority
    trust: str | None = None
    _leaf_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _contexts: dict[str, SSL.Context] = field(default_factory=dict)

    def tls_start_client(self, data: TlsData) -> None:
        """Show the certificate of the host that the tunnel was opened for, whatever the hello asks."""
        state = self.connections.state(data.context.client.id)
        data.ssl_conn = SSL.Connection(self._context(_host_of(state)))
        data.ssl_conn.set_accept_state()

    def _context(self, host: str) -> SSL.Context:
        context = self._contexts.get(host)
        if context is None:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.pop(next(iter(self._contexts)))
            context = self._contexts[host] = self._new_context(host)
        return context

    def _new_context(self, host: str) -> SSL.Context:
        leaf = sign_leaf(self.authority, host, self._leaf_key.public_key(), dt.datetime.now(dt.UTC))
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate(leaf)
        context.use_privatekey(self._leaf_key)
        context.set_alpn_select_callback(_choose_protocol)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return context

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


def _host_of(state: ConnectionState) -> str:
    if state.connect_host is None:
        raise LookupError("tls outside of a tunnel")
    return str(state.connect_host)


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
