"""What TLS towards upstreams is set up with: a context of OpenSSL for each way to verify, made once and kept.

Level 2 of OpenSSL wants 112 bits of security: RSA and DH from 2048 bits on, curves from 224 bits on, no SHA-1 in
signatures. It is said here, so that it does not depend on how OpenSSL was built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL, crypto

from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.upstreams.revocation import Revoked
    from gateway.upstreams.trust import Trust

CIPHERS: Final = "DEFAULT:@SECLEVEL=2"
_VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def upstream_context(trust: Trust, *, verify: bool) -> SSL.Context:
    """A context for connections that are measured by `trust`, or by nothing. Takes milliseconds."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(_VERSIONS[trust.minimum])
    context.set_cipher_list(CIPHERS.encode("ascii"))
    if not verify:
        context.set_verify(SSL.VERIFY_NONE)
        return context
    if trust.system_roots:
        context.set_default_verify_paths()
    store = context.get_cert_store()
    if store is None:
        raise ValueError("OpenSSL gave no store for authorities")
    for authority in trust.authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
    for crl in trust.revoked.crls:
        store.add_crl(crl)
    if trust.revoked.crls:
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    asks = trust.revoked.crls or trust.revoked.names_certificates
    context.set_verify(SSL.VERIFY_PEER, refusing(trust.revoked) if asks else None)
    return context


def refusing(revoked: Revoked) -> Callable[[SSL.Connection, crypto.X509, int, int, int], bool]:
    """A callback that lets through what OpenSSL lets through, unless a plain list names the certificate.

    That there is no CRL of an authority is no error: only some authorities' CRLs are given.
    """

    def is_good(connection: SSL.Connection, shown: crypto.X509, error: int, _depth: int, ok: int) -> bool:
        if not ok and error != SSL.X509VerificationCodes.ERR_UNABLE_TO_GET_CRL:
            return False
        if _is_named(revoked, shown):
            connection.set_app_data(Reason.UPSTREAM_REVOKED)
            return False
        return True

    return is_good


def _is_named(revoked: Revoked, shown: crypto.X509) -> bool:
    if not revoked.names_certificates:
        return False
    certificate = shown.to_cryptography()
    return certificate.serial_number in revoked.serials or (
        certificate.fingerprint(hashes.SHA256()) in revoked.fingerprints
    )
