"""Asking whether a kept answer still holds, and what the reply does to it (RFC 9111 sections 4.3, 4.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from gateway.cache.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cache.messages import Answered, Asked
    from gateway.policy.headers import RawField

_NOT_UPDATED: Final = frozenset(
    {b"content-encoding", b"content-length", b"content-range", b"content-type", b"transfer-encoding", b"etag"}
)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_WEAK: Final = "W/"


def questions(kept: Answered) -> tuple[RawField, ...]:
    """The fields that ask whether it still holds; none if it has no validator (section 4.3.1)."""
    etag, changed = kept.one("etag"), kept.one("last-modified")
    asked: list[RawField] = [] if etag is None else [(b"If-None-Match", etag.encode("latin-1"))]
    if changed is not None:
        asked.append((b"If-Modified-Since", changed.encode("latin-1")))
    return tuple(asked)


def confirms(reply: Answered, kept: Answered) -> bool:
    """Whether a 304 speaks of this kept answer (section 4.3.4)."""
    etag = reply.one("etag")
    if etag is not None and not etag.startswith(_WEAK):
        return etag == kept.one("etag")
    if etag is not None:
        return _opaque(etag) == _opaque(kept.one("etag") or "")
    changed = reply.one("last-modified")
    return changed is None or changed == kept.one("last-modified")


def freshened(kept: Answered, reply: Answered) -> Answered:
    """The kept answer with what the 304 says of it now; its content stays as it was (section 3.2).

    How old it was is what the reply says or nothing: the old date and age are of the old answer.
    """
    new = [(name, value) for name, value in reply.raw if name.lower() not in _NOT_UPDATED]
    names = {b"date", b"age", *(name.lower() for name, _ in new)}
    raw = (*((name, value) for name, value in kept.raw if name.lower() not in names), *new)
    return replace(kept, raw=raw, asked_at=reply.asked_at, came_at=reply.came_at)


def is_unchanged(request: Asked, kept: Answered, now: float) -> bool:
    """Whether the client has this answer already, so that it is told 304 (RFC 9110 sections 13.1.2, 13.1.3)."""
    tags = [tag for value in request.fields.get_all("if-none-match") for tag in _tags(value)]
    if "if-none-match" in request.fields:
        etag = kept.one("etag")
        return "*" in tags or (etag is not None and _opaque(etag) in {_opaque(tag) for tag in tags})
    since = request.fields.get_all("if-modified-since")
    changed = kept.date("last-modified")
    moment = parse_date(since[0], now) if len(since) == 1 else None
    return moment is not None and changed is not None and changed <= moment


def outdated_by(request: Asked, answer: Answered) -> tuple[str, ...]:
    """The keys whose kept answers do not hold any more: an unsafe method that did not fail changed them (section 4.4).

    Besides the target itself, what Location and Content-Location name, but only under the same authority.
    """
    if request.method in _SAFE or answer.status >= 400:  # noqa: PLR2004 - errors change nothing
        return ()
    named = (answer.one(name) for name in ("location", "content-location"))
    return (request.key, *(key for value in named if value and (key := _same_place(request, value))))


def _same_place(request: Asked, reference: str) -> str | None:
    """The key that a reference names, if it is under the request's own scheme and authority."""
    try:
        named = urlsplit(urljoin(request.key, reference))
    except ValueError:
        return None
    if (named.scheme, named.netloc.lower()) != (request.scheme, request.authority):
        return None
    return f"{request.scheme}://{request.authority}{named.path or '/'}" + (f"?{named.query}" if named.query else "")


def _tags(value: str) -> Sequence[str]:
    """The members of a list of entity tags; a comma may stand inside of one."""
    tags, inside, current = [], False, ""
    for letter in value:
        inside = inside is not (letter == '"')
        if letter == "," and not inside:
            tags.append(current.strip())
            current = ""
        else:
            current += letter
    return [*tags, current.strip()]


def _opaque(tag: str) -> str:
    return tag.removeprefix(_WEAK)
