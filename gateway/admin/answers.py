"""Answers that the admin side gives by itself: problems (RFC 9457), and the fields that every answer carries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROBLEM: Final = "application/problem+json"
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FIELDS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", CONTENT_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
"""What every answer tells browsers. Nothing is said about other origins (CORS): they may read nothing."""
NO_STORE: Final = (b"cache-control", b"no-store")

TITLES: Final[Mapping[int, str]] = {
    400: "Bad request",
    401: "Sign in",
    403: "Not from here",
    404: "Not found",
    405: "Method not allowed",
    409: "Refused",
    413: "Too large",
    415: "JSON only",
    421: "Wrong host",
    422: "Unprocessable",
    429: "Too many wrong tokens",
    500: "Internal error",
    502: "Unreadable",
    503: "Unavailable",
}


_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def as_json(told: Any, status: int = 200) -> Response:
    """An answer in JSON. In ASCII: a text in a record need not be one that UTF-8 can say."""
    return Response(json.dumps(told, separators=(",", ":")), status, media_type="application/json")


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Problems as the description of the API names them."""
    return {status: {"description": TITLES[status], "content": {PROBLEM: {"schema": _SCHEMA}}} for status in statuses}


def problem(status: int, detail: str) -> bytes:
    """A problem as its body."""
    said = {"type": "about:blank", "title": TITLES.get(status, "Problem"), "status": status, "detail": detail}
    return json.dumps(said).encode("ascii")


def problem_fields(body: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> list[tuple[bytes, bytes]]:
    """The fields of a problem."""
    return [
        (b"content-type", PROBLEM.encode("ascii")),
        (b"content-length", b"%d" % len(body)),
        NO_STORE,
        *FIELDS,
        *more,
    ]
