"""Whether an answer may be kept (RFC 9111 section 3), on the cautious side of what a shared cache may do.

Beyond the RFC: what sets a cookie is never kept, nor the answer to a request with a cookie unless the origin says that
it is for all, nor what only part of the target's answer is (206), nor the answer to anything but GET. Every "no" says
why; the words stand in Cache-Status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.cache.freshness import HEURISTIC, explicit_lifetime

if TYPE_CHECKING:
    from gateway.cache.messages import Answered, Asked
    from gateway.policy.headers import RawField

_UNDERSTOOD: Final = HEURISTIC | {302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
_PARTIAL: Final = frozenset({206, 304})
_LEFT_OUT: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def why_not(request: Asked, answer: Answered) -> str | None:
    """Why the answer is not kept, in a word or two; None if it is."""
    said = answer.directives
    for reason, holds in (
        ("method", request.method != "GET"),
        ("partial", answer.status in _PARTIAL or answer.status < 200),  # noqa: PLR2004 - interim answers
        ("status", answer.status not in _UNDERSTOOD and explicit_lifetime(answer) is None),
        ("must-understand", "must-understand" in said and answer.status not in _UNDERSTOOD),
        ("no-store", _forbidden(request, answer)),
        ("private", "private" in said and said.names("private") is None),
        ("cookie", "set-cookie" in answer.fields),
        ("authorization", "authorization" in request.fields and not _is_for_all(answer)),
        ("cookie", "cookie" in request.fields and not _is_for_all(answer)),
        ("vary", any("*" in value for value in answer.fields.get_all("vary"))),
        ("no lifetime", not _is_worth_it(answer)),
    ):
        if holds:
            return reason
    return None


def kept_fields(answer: Answered) -> tuple[RawField, ...]:
    """The fields that are kept with it: not those of the connection, nor those that it calls private (section 3.1)."""
    named = {each.strip().lower() for value in answer.fields.get_all("connection") for each in value.split(",")}
    gone = _LEFT_OUT | named | (answer.directives.names("private") or frozenset())
    gone |= answer.directives.names("no-cache") or frozenset()
    return tuple((name, value) for name, value in answer.raw if name.decode("latin-1").lower() not in gone)


def _forbidden(request: Asked, answer: Answered) -> bool:
    """`no-store` of either side; one of the origin yields to `must-understand` (section 5.2.2.3)."""
    if "no-store" in request.directives:
        return True
    return "no-store" in answer.directives and "must-understand" not in answer.directives


def _is_for_all(answer: Answered) -> bool:
    """Whether the origin says itself that an answer to somebody who showed who he is, is for everybody (section 3.5).

    `must-revalidate` would do by the RFC; many say it who mean the opposite.
    """
    return "public" in answer.directives or "s-maxage" in answer.directives


def _is_worth_it(answer: Answered) -> bool:
    """Whether it can be used without asking, or asked about: it says how long it lives, or has a validator."""
    if explicit_lifetime(answer) is not None or "public" in answer.directives:
        return True
    return answer.status in HEURISTIC and ("last-modified" in answer.fields or "etag" in answer.fields)
