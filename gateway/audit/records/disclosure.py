"""What the operator lets the log say beyond the usual: values of some query parameters and fields, and who a client is.

Nothing that is sent to prove who somebody is can be asked for, whatever the configuration says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.audit.records.clients import ClientName

NEVER: Final = frozenset(
    {
        "authentication-info",
        "authorization",
        "client-cert",
        "client-cert-chain",
        "cookie",
        "cookie2",
        "forwarded",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "sec-websocket-key",
        "set-cookie",
        "set-cookie2",
        "via",
        "www-authenticate",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-real-ip",
        "x-xsrf-token",
    }
)
"""Fields whose values no record ever holds: they prove who somebody is, or name clients by their addresses."""
_TELLING: Final = frozenset(
    [
        "apikey",
        "auth",
        "authorization",
        "bearer",
        "code",
        "cookie",
        "credential",
        "credentials",
        "csrf",
        "jwt",
        "key",
        "nonce",
        "otp",
        "pass",
        "passwd",
        "password",
        "pin",
        "pwd",
        "secret",
        "session",
        "sessionid",
        "sid",
        "sig",
        "signature",
        "ticket",
        "token",
    ]
)
_ENDINGS: Final = ("apikey", "authorization", "cookie", "password", "passwd", "secret", "sessid", "sessionid", "token")
_BETWEEN: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Values of the parameters `query` and of the request's `fields` (in lower case) may be written down.

    `client` says what a client is called; None writes its address as it is.
    """

    query: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    client: ClientName | None = None


def is_secret(name: str) -> bool:
    """Whether a field or a parameter of this name proves who somebody is, so that no record may hold its value."""
    lower = name.lower()
    if lower in NEVER or lower.endswith(_ENDINGS):
        return True
    return not _TELLING.isdisjoint(word.lower() for word in _BETWEEN.split(name))
