"""The trace that a request belongs to, as the fields `traceparent` and `tracestate` say it.

What is not exactly as the recommendation wants it, or is said twice, is no trace: nobody guesses.

Source: W3C Trace Context, sections 3.2 (traceparent), 3.3 (tracestate) and 3.2.4 (later versions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAMPLED: Final = 1
_MOST_MEMBERS: Final = 32
_LONGEST_STATE: Final = 512
_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-[\x21-\x7e]*)?"
)
_MEMBER: Final = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


@dataclass(frozen=True, slots=True)
class Context:
    """One span of one trace: `trace` are 32 and `span` 16 hexadecimal digits, never all of them zero."""

    trace: str
    span: str
    sampled: bool

    @classmethod
    def parse(cls, values: Sequence[str]) -> Self | None:
        """What the values of all fields `traceparent` of a request name; None if that is not one trace."""
        found = _TRACEPARENT.fullmatch(values[0]) if len(values) == 1 else None
        if found is None or (found["more"] is not None and found["version"] == "00"):
            return None
        return cls(found["trace"], found["span"], bool(int(found["flags"], 16) & _SAMPLED))

    def __str__(self) -> str:
        return f"00-{self.trace}-{self.span}-{'01' if self.sampled else '00'}"


def states(values: Sequence[str]) -> str | None:
    """The values of all fields `tracestate` as one; None if a member is none, or one comes twice."""
    members = [each.strip(" \t") for value in values for each in value.split(",")]
    members = [each for each in members if each]
    keys = {each.partition("=")[0] for each in members}
    whole = ",".join(members)
    if not members or len(keys) < len(members) or len(members) > _MOST_MEMBERS or len(whole) > _LONGEST_STATE:
        return None
    return whole if all(map(_MEMBER.fullmatch, members)) else None
