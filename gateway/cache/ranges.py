"""A part of a kept answer for who asks for one (RFC 9110 section 14): one range of bytes, from what is kept whole.

What is no single range of bytes that can be read is no condition on the answer: then it is given whole, as section
14.2 allows. Parts themselves are never kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.cache.dates import parse_date

if TYPE_CHECKING:
    from gateway.cache.messages import Answered, Asked
    from gateway.cache.store import Kept

_OK: Final = 200
_RANGE: Final = re.compile(r"bytes[ \t]*=[ \t]*(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})[ \t]*", re.IGNORECASE)
_DATED: Final = 60
"""Seconds between change and answer after which a date of change tells versions apart (RFC 9110 section 8.8.2.2)."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `first` to `last`, both included, of `size` bytes; none if `last` lies before `first`."""

    first: int
    last: int
    size: int

    @property
    def is_nothing(self) -> bool:
        """Whether the content has no such part."""
        return self.last < self.first

    def __str__(self) -> str:
        return f"bytes */{self.size}" if self.is_nothing else f"bytes {self.first}-{self.last}/{self.size}"


def part_of(request: Asked, kept: Kept) -> Part | None:
    """The part of the kept answer that is asked for; None if it is to be given whole."""
    said = request.fields.get_all("range")
    if request.method != "GET" or kept.answer.status != _OK or len(said) != 1 or "content-range" in kept.answer.fields:
        return None
    found = _RANGE.fullmatch(said[0])
    if found is None or not (found["first"] or found["last"]) or not _is_the_same(request, kept.answer):
        return None
    return _part(found["first"], found["last"], len(kept.body))


def _part(first: str, last: str, size: int) -> Part | None:
    if not first:
        length = min(int(last), size)
        return Part(size - length, size - 1, size) if length else Part(size, size - 1, size)
    if last and int(last) < int(first):
        return None
    return Part(int(first), min(int(last), size - 1) if last else size - 1, size)


def _is_the_same(request: Asked, kept: Answered) -> bool:
    """Whether the client's other parts are of this answer, as far as it asks (If-Range, section 13.1.5)."""
    said = request.fields.get_all("if-range")
    if not said:
        return True
    if len(said) > 1:
        return False
    if '"' in said[0]:
        return not said[0].startswith("W/") and said[0] == kept.one("etag")
    moment, changed = parse_date(said[0], kept.came_at), kept.date("last-modified")
    return moment is not None and moment == changed and kept.generated_at - changed >= _DATED
