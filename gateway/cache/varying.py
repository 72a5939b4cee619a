"""For whom a kept answer is: requests that are alike in every field that it names in Vary (RFC 9111 section 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.cache.messages import Answered, Asked

_ANY_CASE: Final = frozenset({"accept-charset", "accept-encoding", "accept-language"})
"""Fields whose members mean the same in any case of letters (RFC 9110 sections 8.3.2, 8.4.1, 8.5.1)."""

type Secondary = tuple[tuple[str, tuple[str, ...]], ...]
"""The named fields of a request with their members, in the order of their names."""


def varying_names(answer: Answered) -> tuple[str, ...]:
    """The fields that Vary names, in lower case, each once and in order."""
    return tuple(
        sorted({each.strip().lower() for value in answer.fields.get_all("vary") for each in value.split(",")} - {""})
    )


def secondary(request: Asked, names: tuple[str, ...]) -> Secondary:
    """What the request says in these fields: blanks and how a list is split over lines make no difference.

    What sets it apart in any case stands in front, under a name that no field has.
    """
    return (("", (request.partition,)), *((name, _members(request, name)) for name in names))


def _members(request: Asked, name: str) -> tuple[str, ...]:
    members = (" ".join(each.split()) for value in request.fields.get_all(name) for each in value.split(","))
    return tuple(each.lower() if name in _ANY_CASE else each for each in members if each)
