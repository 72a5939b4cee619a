"""Kept answers as messages to a client: with their age, and what the cache did (RFC 9111 section 5.1, RFC 9211)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response

from gateway.cache.ranges import part_of

if TYPE_CHECKING:
    from gateway.cache.messages import Asked
    from gateway.cache.ranges import Part
    from gateway.cache.status import CacheStatus
    from gateway.cache.store import Kept
    from gateway.policy.headers import RawField

_PARTIAL: Final = 206
_NOT_MODIFIED: Final = 304
_NO_SUCH_PART: Final = 416
_GIVEN_UP: Final = 504
_BODILESS: Final = frozenset({204, 304})
_TOLD_AGAIN: Final = frozenset({b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary"})
"""What a 304 repeats of the answer that it stands for (RFC 9110 section 15.4.5)."""


def given(kept: Kept, asked: Asked) -> Response:
    """The kept answer as it came, its length always stated; or the part of it that was asked for."""
    part = part_of(asked, kept)
    if part is not None:
        return _partial(kept, part)
    status = kept.answer.status
    fields = [field for field in kept.answer.raw if field[0].lower() not in {b"content-length", b"age"}]
    if status not in _BODILESS:
        fields.append((b"Content-Length", b"%d" % len(kept.body)))
    return response(status, fields, b"" if asked.method == "HEAD" else kept.body)


def _partial(kept: Kept, part: Part) -> Response:
    """One part of the content (RFC 9110 section 15.3.7), or that there is no such part (section 15.5.17)."""
    said = (b"Content-Range", str(part).encode("ascii"))
    if part.is_nothing:
        return response(_NO_SUCH_PART, [(b"Content-Length", b"0"), said, (b"Cache-Control", b"no-store")], b"")
    body = kept.body[part.first : part.last + 1]
    fields = [field for field in kept.answer.raw if field[0].lower() not in {b"content-length", b"age"}]
    return response(_PARTIAL, [*fields, (b"Content-Length", b"%d" % len(body)), said], body)


def unchanged(kept: Kept) -> Response:
    """What a client is told that has it already."""
    return response(_NOT_MODIFIED, [field for field in kept.answer.raw if field[0].lower() in _TOLD_AGAIN], b"")


def given_up() -> Response:
    """What a client is told that wants only what is kept, when nothing is (RFC 9111 section 5.2.1.7)."""
    return response(_GIVEN_UP, [(b"Content-Length", b"0"), (b"Cache-Control", b"no-store")], b"")


def response(status: int, fields: list[RawField], body: bytes) -> Response:
    """A message with exactly these fields."""
    made = Response.make(status)
    made.headers = Headers(fields)
    made.raw_content = body
    return made


def tell(answer: Response, status: CacheStatus, age: float | None) -> None:
    """Say what the cache did; how old the answer is, if it was kept, in the place of what it said before."""
    fields = answer.headers.fields
    if age is not None:
        fields = (*(each for each in fields if each[0].lower() != b"age"), (b"Age", b"%d" % max(0, int(age))))
    answer.headers.fields = (*fields, (b"Cache-Status", str(status).encode("ascii")))
