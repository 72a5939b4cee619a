"""What may be done with a kept answer when somebody asks (RFC 9111 sections 4, 5.2.1; RFC 5861).

Used as it is, used while somebody goes and asks whether it still holds, asked about first, or left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from gateway.cache.freshness import age, lifetime

if TYPE_CHECKING:
    from gateway.cache.directives import Directives
    from gateway.cache.messages import Answered, Asked


class Use(Enum):
    """What may be done with a kept answer."""

    FRESH = auto()
    """It may be given as it is."""
    STALE = auto()
    """It may be given although it is stale; the client said that it takes such."""
    MEANWHILE = auto()
    """It may be given although it is stale, while the origin is asked in the background."""
    ASK = auto()
    """The origin has to say first that it still holds."""
    FORBIDDEN = auto()
    """The client takes only what is kept (`only-if-cached`), and this may not be given: 504."""


@dataclass(frozen=True, slots=True)
class Found:
    """What may be done, how old the answer is and how much longer it is fresh, in seconds; below 0 it is stale."""

    use: Use
    age: float
    left: float


def use_of(request: Asked, kept: Answered, now: float) -> Found:
    """What may be done with this answer for this request, at this moment."""
    asks, says = request.directives, kept.directives
    old = age(kept, now)
    left = min(lifetime(kept), _most(asks, "max-age")) - old
    return Found(_use(asks, says, left), old, left)


def use_after_error(request: Asked, kept: Answered, now: float) -> bool:
    """Whether a stale answer may stand in for an origin that cannot be reached or fails (RFC 5861 section 4)."""
    if _must_ask(kept.directives) or "no-cache" in kept.directives or "no-cache" in request.directives:
        return False
    stale = age(kept, now) - lifetime(kept)
    allowed = max(kept.directives.seconds("stale-if-error") or 0, request.directives.seconds("stale-if-error") or 0)
    return stale <= allowed


def _use(asks: Directives, says: Directives, left: float) -> Use:
    if "no-cache" in asks or ("no-cache" in says and says.names("no-cache") is None):
        return _asked(asks)
    if left > 0:
        return Use.FRESH if left >= (asks.seconds("min-fresh") or 0) else _asked(asks)
    if _must_ask(says):
        return _asked(asks)
    if -left < (says.seconds("stale-while-revalidate") or 0) and "max-age" not in asks:
        return Use.MEANWHILE
    if "max-stale" in asks and "s-maxage" not in says and -left <= _most(asks, "max-stale"):
        return Use.STALE
    return _asked(asks)


def _asked(asks: Directives) -> Use:
    return Use.FORBIDDEN if "only-if-cached" in asks else Use.ASK


def _must_ask(says: Directives) -> bool:
    """Whether the origin forbids that a stale answer is given (sections 5.2.2.2, 5.2.2.8).

    `s-maxage` forbids it too (section 5.2.2.10), but not where the origin itself says for how long it allows it.
    """
    return "must-revalidate" in says or "proxy-revalidate" in says


def _most(asks: Directives, name: str) -> float:
    seconds = asks.seconds(name)
    return math.inf if seconds is None else seconds
