"""CDN-Cache-Control: what an origin says to the caches in front of it alone (RFC 9213), as a gateway with a cache is.

It is a dictionary of structured fields (RFC 9651), read strictly: one that breaks the grammar counts for nothing as a
whole, and a directive with a value of the wrong kind is left out. Where it says anything, Cache-Control and Expires
count for nothing (section 2.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.cache.directives import Directives

if TYPE_CHECKING:
    from gateway.policy.headers import Fields

FIELD: Final = "cdn-cache-control"
_NUMERIC: Final = r"-?[0-9]{1,15}(?:\.[0-9]{1,3})?"
_QUOTED: Final = r"\"(?:[ !#-\[\]-~]|\\[\"\\])*\""
_WORD: Final = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
_ITEM: Final = rf"(?:{_NUMERIC}|{_QUOTED}|{_WORD}|\?[01])"
_NAME: Final = r"[a-z*][a-z0-9_.*-]*"
_PARAMETERS: Final = rf"(?:; *{_NAME}(?:={_ITEM})?)*"
_MEMBER: Final = re.compile(rf"(?P<name>{_NAME})(?:=(?P<value>{_ITEM}))?{_PARAMETERS}[ \t]*(?P<more>,[ \t]*)?")
_SECONDS: Final = frozenset({"max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"})
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_TRUE: Final = frozenset({None, "?1"})


def targeted(fields: Fields) -> Directives:
    """What the field says; nothing if it is not there, or cannot be read."""
    lines = fields.get_all(FIELD)
    if not lines:
        return Directives({})
    said: dict[str, tuple[str | None, ...]] = {}
    for name, value in _read(", ".join(lines).strip(" ")):
        said.pop(name, None)  # of two members with one name the last one counts
        if name in _SECONDS:
            said |= {name: (value,)} if value is not None and _NUMBER.fullmatch(value) else {}
        elif value in _TRUE:
            said[name] = (None,)
        elif value is not None and value.startswith('"'):
            said[name] = (value[1:-1],)
    return Directives(said)


def _read(text: str) -> list[tuple[str, str | None]]:
    """The members in their order; none at all if anything of it breaks the grammar."""
    members, place, more = list[tuple[str, str | None]](), 0, True
    while more:
        found = _MEMBER.match(text, place)
        if found is None:
            return []
        members.append((found["name"], found["value"]))
        place, more = found.end(), found["more"] is not None
    return members if place == len(text) else []
