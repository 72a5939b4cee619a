"""What TLS towards the clients of a reverse listener is set up with: a context of OpenSSL for each certificate.

TLS 1.2 with forward secrecy and authenticated encryption alone, and TLS 1.3; no compression, no renegotiation. A ticket
is sealed with a key that lives as long as its context, so a context is made anew after half a day; where clients have
certificates there are no tickets, because each handshake has to prove anew who the client is.

Source: RFC 9325 (recommendations for TLS), RFC 7301 section 3.2 (a protocol that nobody speaks is an alert).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL, crypto

if TYPE_CHECKING:
    from gateway.authority.shown import Shown
    from gateway.control.fronts import Shopfront

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"
GROUPS: Final = "?X25519MLKEM768:?SecP256r1MLKEM768:X25519:P-256:P-384"
"""For the exchange of keys, where OpenSSL knows them: elliptic curves, with and without a lattice beside them."""
SIGNATURES: Final = (
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
)
"""How handshakes are signed: nothing shorter than SHA-256."""
LIFETIME: Final = 12 * 3600.0
"""Seconds for which tickets are sealed with one key."""
TICKET: Final = 2 * 3600
"""Seconds for which a ticket is good."""
_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_ASKED: Final = {
    "off": SSL.VERIFY_NONE,
    "optional": SSL.VERIFY_PEER,
    "required": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}
_HTTP1: Final = b"http/1.1"
_HTTP2: Final = b"h2"


def server_context(shown: Shown, shopfront: Shopfront, *, http2: bool) -> SSL.Context:
    """A context that shows a certificate, and asks for one as the shopfront says. Takes milliseconds."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_VERSIONS[shopfront.minimum])
    context.set_cipher_list(CIPHERS.encode("ascii"))
    _set_groups_and_signatures(context)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    context.use_certificate(shown.certificate)
    for each in shown.chain:
        context.add_extra_chain_cert(each)
    context.use_privatekey(shown.key)
    context.set_alpn_select_callback(_choose_http2 if http2 else _choose_http1)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_timeout(TICKET)
    if shopfront.client_auth != "off":
        _measure_clients(context, shopfront)
    return context


def _set_groups_and_signatures(context: SSL.Context) -> None:
    lib: Any = vars(SSL)["_lib"]  # pyOpenSSL has no public way to say more than one group, nor signatures
    raw = context._context  # noqa: SLF001 - pyOpenSSL has no public way to say more than one group, nor signatures
    if lib.SSL_CTX_set1_curves_list(raw, GROUPS.encode("ascii")) != 1:
        raise ValueError("OpenSSL does not know the groups for the exchange of keys")
    if lib.SSL_CTX_set1_sigalgs_list(raw, SIGNATURES.encode("ascii")) != 1:
        raise ValueError("OpenSSL does not know the algorithms of signatures")


def _measure_clients(context: SSL.Context, shopfront: Shopfront) -> None:
    context.set_options(SSL.OP_NO_TICKET)
    store = context.get_cert_store()
    if store is None:
        raise ValueError("OpenSSL gave no store for authorities")
    authorities = [crypto.X509.from_cryptography(each) for each in shopfront.authorities]
    for each in authorities:
        store.add_cert(each)
    for crl in shopfront.crls:
        store.add_crl(crl)
    if shopfront.crls:
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    context.set_client_ca_list([each.get_subject() for each in authorities])
    context.set_verify(_ASKED[shopfront.client_auth])


def _choose_http2(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    return _HTTP2 if _HTTP2 in offered else _choose_http1(connection, offered)


def _choose_http1(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """The protocol that is spoken. Who speaks another one must not be answered (an error here is an alert)."""
    if _HTTP1 in offered:
        return _HTTP1
    raise SSL.Error([("", "", "no protocol in common")])
