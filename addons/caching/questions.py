"""A request as the cache sees it: made of what was judged and is sent, and of nothing else.

An origin may answer by any field that it gets. It has to say so (Vary); many do not, and then a stranger's field would
choose what everybody is given (cache poisoning). So every field that is not one of the usual ones sets a request
apart, and so does a usual one with a value that a page could be made to run: whoever sends it gets what it produced,
and nobody else does. The same holds for fields that the policy sets.

What the gateway tells an origin of its own (X-Forwarded-Host and the like) says nothing that the key does not.

Source: RFC 9111 section 2 (key), section 4.1 (Vary); Kettle, "Practical Web Cache Poisoning" (2018).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from addons.judging.exchange import known
from gateway.cache.messages import Asked
from gateway.policy.headers import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from gateway.policy.headers import RawField

_PORTS: Final = {"http": 80, "https": 443}

_WRITTEN: Final = frozenset(
    {
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    }
)
"""Fields that the gateway writes on every request. What it writes of who somebody is (Client-Cert) sets him apart."""

_READ: Final = _WRITTEN | {
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "range",
    "te",
    "transfer-encoding",
}
"""Fields that the gateway writes on every request, or that the cache reads itself.

Answers to `authorization` and `cookie` are kept only where the origin says that they are for all.
"""

_SENT_BY_ALL: Final = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "dnt",
        "priority",
        "referer",
        "save-data",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "sec-gpc",
        "traceparent",
        "tracestate",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
"""Fields that every client sends, each in its own way; nobody would be given anything if they set clients apart."""

_HARMLESS: Final = re.compile(r"[^<>\"'`\\]*")
"""Values that no page can be made to run, should an origin show them in one."""

_BRANDS: Final = frozenset({"sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"})
_BRAND: Final = re.compile(r"[\w .,;:=?\"()/\\-]*", re.ASCII)

_CONDITIONS: Final = ("if-match", "if-unmodified-since")
_QUESTIONS: Final = ("if-none-match", "if-modified-since")


def asked_of(exchange: Exchange, raw: Iterable[RawField]) -> Asked:
    """The request that goes to the origin with these fields, in the words of the cache."""
    facts = exchange.facts
    fields = Fields.of(raw)
    scheme = known(facts.scheme)
    return Asked(
        method=known(facts.method),
        scheme=scheme,
        authority=known(facts.host).authority(known(facts.port), _PORTS[scheme]),
        target=known(facts.target).sent,
        fields=fields,
        partition=partition(fields),
    )


def partition(fields: Fields) -> str:
    """What sets a request apart: the unusual fields that the origin is sent, in order; nothing for most requests."""
    unusual = sorted((name, value) for name, value in fields if not _is_usual(name, value))
    return sha256(repr(unusual).encode()).hexdigest() if unusual else ""


def _is_usual(name: str, value: str) -> bool:
    if name in _SENT_BY_ALL:
        return _HARMLESS.fullmatch(value) is not None
    return name in _READ or (name in _BRANDS and _BRAND.fullmatch(value) is not None)


def is_for_cache(exchange: Exchange, asked: Asked) -> bool:
    """Whether the cache may have a word: not with a body, a handshake, or a condition that only the origin knows."""
    facts = exchange.facts
    plain = facts.request_size == 0 and facts.protocol != "websocket"
    return plain and not any(name in asked.fields for name in _CONDITIONS)


def has_questions(asked: Asked) -> bool:
    """Whether the client itself asks whether what it has still holds."""
    return any(name in asked.fields for name in _QUESTIONS)


def put_questions(flow: HTTPFlow, questions: tuple[tuple[bytes, bytes], ...]) -> None:
    """Ask the origin whether the kept answer still holds, in place of the client's own questions."""
    fields = flow.request.headers.fields
    rest = tuple(each for each in fields if each[0].lower().decode("latin-1") not in _QUESTIONS)
    flow.request.headers.fields = (*rest, *questions)
