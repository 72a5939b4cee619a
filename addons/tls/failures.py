"""Why a handshake with an upstream failed, as a reason for people, told from what OpenSSL says.

OpenSSL checks a chain in one order: that it leads to an authority, what its certificates may be used for, how strong
they are, the name, revocation, and then signatures and dates from the authority down. The first error ends the
handshake and is the one that is told. What is not listed here stays `upstream-untrusted`, which refuses all the same.

Source: x509_vfy.h and x509_txt.c of OpenSSL (numbers are stable), RFC 5280 section 6, RFC 8446 section 6.2 (alerts).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from OpenSSL import SSL

from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

_Codes: Final = SSL.X509VerificationCodes
_EE_KEY_TOO_SMALL: Final = 66
_CA_KEY_TOO_SMALL: Final = 67
_CA_MD_TOO_WEAK: Final = 68


def _all(reason: Reason, codes: Iterable[int]) -> dict[int, Reason]:
    return dict.fromkeys(codes, reason)


BY_CODE: Final = {
    _Codes.ERR_CERT_HAS_EXPIRED: Reason.UPSTREAM_EXPIRED,
    _Codes.ERR_CERT_NOT_YET_VALID: Reason.UPSTREAM_NOT_YET_VALID,
    _Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: Reason.UPSTREAM_SELF_SIGNED,
    _Codes.ERR_CERT_REVOKED: Reason.UPSTREAM_REVOKED,
    **_all(
        Reason.UPSTREAM_UNKNOWN_AUTHORITY,
        (
            _Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN,
            _Codes.ERR_UNABLE_TO_GET_ISSUER_CERT,
            _Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            _Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        ),
    ),
    **_all(Reason.UPSTREAM_WRONG_NAME, (_Codes.ERR_HOSTNAME_MISMATCH, _Codes.ERR_IP_ADDRESS_MISMATCH)),
    **_all(Reason.UPSTREAM_WEAK_CERTIFICATE, (_EE_KEY_TOO_SMALL, _CA_KEY_TOO_SMALL, _CA_MD_TOO_WEAK)),
    **_all(
        Reason.UPSTREAM_REVOCATION_UNKNOWN,
        (
            _Codes.ERR_UNABLE_TO_GET_CRL,
            _Codes.ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
            _Codes.ERR_CRL_SIGNATURE_FAILURE,
            _Codes.ERR_CRL_NOT_YET_VALID,
            _Codes.ERR_CRL_HAS_EXPIRED,
            _Codes.ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
            _Codes.ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
            _Codes.ERR_UNABLE_TO_GET_CRL_ISSUER,
            _Codes.ERR_KEYUSAGE_NO_CRL_SIGN,
            _Codes.ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
            _Codes.ERR_DIFFERENT_CRL_SCOPE,
            _Codes.ERR_CRL_PATH_VALIDATION_ERROR,
        ),
    ),
    **_all(
        Reason.UPSTREAM_BAD_CERTIFICATE,
        (
            _Codes.ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE,
            _Codes.ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY,
            _Codes.ERR_CERT_SIGNATURE_FAILURE,
            _Codes.ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD,
            _Codes.ERR_ERROR_IN_CERT_NOT_AFTER_FIELD,
            _Codes.ERR_CERT_CHAIN_TOO_LONG,
            _Codes.ERR_INVALID_CA,
            _Codes.ERR_PATH_LENGTH_EXCEEDED,
            _Codes.ERR_INVALID_PURPOSE,
            _Codes.ERR_KEYUSAGE_NO_CERTSIGN,
            _Codes.ERR_UNHANDLED_CRITICAL_EXTENSION,
            _Codes.ERR_INVALID_NON_CA,
            _Codes.ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE,
            _Codes.ERR_PROXY_CERTIFICATES_NOT_ALLOWED,
            _Codes.ERR_INVALID_EXTENSION,
            _Codes.ERR_INVALID_POLICY_EXTENSION,
            _Codes.ERR_UNSUPPORTED_EXTENSION_FEATURE,
            _Codes.ERR_PERMITTED_VIOLATION,
            _Codes.ERR_EXCLUDED_VIOLATION,
            _Codes.ERR_UNSUPPORTED_CONSTRAINT_TYPE,
            _Codes.ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
            _Codes.ERR_UNSUPPORTED_NAME_SYNTAX,
        ),
    ),
}
"""The reason of each error of verification; any other is UPSTREAM_UNTRUSTED."""

BY_WORDS: Final = {
    **dict.fromkeys(
        (
            "alert protocol version",
            "alert insufficient security",
            "alert handshake failure",
            "alert no application protocol",
            "unsupported protocol",
            "no protocols available",
            "wrong ssl version",
            "version too low",
            "no ciphers available",
            "wrong cipher returned",
            "unknown cipher returned",
            "dh key too small",
            "no suitable key share",
            "no suitable signature algorithm",
        ),
        Reason.UPSTREAM_TLS_NOT_AGREED,
    ),
    **dict.fromkeys(("wrong version number", "packet length too long"), Reason.UPSTREAM_NO_TLS),
    **dict.fromkeys(("ee key too small", "ca key too small", "ca md too weak"), Reason.UPSTREAM_WEAK_CERTIFICATE),
}
"""The reason of each error outside of verification, by OpenSSL's words for it; any other is UPSTREAM_UNTRUSTED."""

_VERIFICATION: Final = "certificate verify failed"
_PREFIX: Final = re.compile(r"^(?:tls|tlsv1|tlsv13|sslv3|ssl/tls) (?=alert )")
"""Releases of OpenSSL name an alert after different versions of the protocol."""


def why_failed(connection: SSL.Connection, error: SSL.Error) -> Reason:
    """The reason of an error that ended a handshake as a client."""
    words = [entry[-1] for entry in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    if _VERIFICATION in words:
        noted = connection.get_app_data()
        return noted if isinstance(noted, Reason) else BY_CODE.get(verify_result(connection), Reason.UPSTREAM_UNTRUSTED)
    plain = (_PREFIX.sub("", each) for each in words)
    return next((BY_WORDS[each] for each in plain if each in BY_WORDS), Reason.UPSTREAM_UNTRUSTED)


def verify_result(connection: SSL.Connection) -> int:
    """What verification came to, 0 if all is well; a resumed session repeats what its first handshake came to."""
    lib: Any = vars(SSL)["_lib"]  # pyOpenSSL has no public way to ask for the result
    result: int = lib.SSL_get_verify_result(connection._ssl)  # noqa: SLF001 - pyOpenSSL has no public way to ask for the result
    return result
