"""Requests and answers for the tests of the cache, written as short as they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cache.messages import Answered, Asked
from gateway.policy.headers import Fields

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = 1_000_000_000.0
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
"""NOW, as HTTP says it."""


def asked(*fields: str, method: str = "GET", target: str = "/x") -> Asked:
    """A request; every field as one line of a head."""
    return Asked(method, "https", "shop.example", target, Fields.of(_split(fields)))


def answered(*fields: str, status: int = 200, asked_at: float = NOW, came_at: float = NOW) -> Answered:
    """An answer that came NOW; every field as one line of a head."""
    raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in _split(fields))
    return Answered(status, raw, asked_at, came_at)


def cached(said: str, *more: str) -> Answered:
    """An answer that came NOW with this Cache-Control."""
    return answered(f"Cache-Control: {said}", f"Date: {DATE}", *more)


def _split(fields: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, value.strip()) for name, _, value in (each.partition(":") for each in fields)]
