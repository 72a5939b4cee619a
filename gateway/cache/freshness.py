"""How long an answer is fresh, and how old it is (RFC 9111 section 4.2).

Fractions of seconds are kept: an answer that may be used for one second is used for one second, not for up to two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.cache.directives import MOST

if TYPE_CHECKING:
    from gateway.cache.messages import Answered

HEURISTIC: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses whose answers may be kept without a word of the origin (RFC 9110 section 15.1)."""

_SHARE: Final = 0.1
_DIGITS: Final = 18
_LONGEST_GUESS: Final = 86_400.0


def explicit_lifetime(answer: Answered) -> float | None:
    """The seconds for which the origin says that it is fresh; None if it says nothing (section 4.2.1).

    What it says to gateways like this one takes the place of Expires, too (RFC 9213 section 2.1).
    """
    for name in ("s-maxage", "max-age"):
        if name in answer.directives:
            return float(answer.directives.seconds(name) or 0)
    if "expires" in answer.fields and not answer.is_targeted:
        expires = answer.date("expires")
        return 0.0 if expires is None else max(0.0, expires - answer.generated_at)
    return None


def lifetime(answer: Answered) -> float:
    """The seconds for which it is fresh: as it says, else a tenth of how long it was unchanged, a day at most.

    Source: section 4.2.2; a guess is made only for statuses that allow one, or where the origin says `public`.
    """
    explicit = explicit_lifetime(answer)
    if explicit is not None:
        return explicit
    changed = answer.date("last-modified")
    if changed is None or not (answer.status in HEURISTIC or "public" in answer.directives):
        return 0.0
    return min(max(0.0, (answer.generated_at - changed) * _SHARE), _LONGEST_GUESS)


def initial_age(answer: Answered) -> float:
    """How old it was when it came: as it says, or as its date says, whichever is more (section 4.2.3)."""
    said = next(iter(answer.fields.get_all("age")), "").partition(",")[0].strip()
    told = min(int(said[:_DIGITS]), MOST) if said.isascii() and said.isdigit() else 0
    apparent = max(0.0, answer.came_at - answer.generated_at)
    return max(apparent, told + (answer.came_at - answer.asked_at))


def age(answer: Answered, now: float) -> float:
    """How old it is, in seconds."""
    return initial_age(answer) + max(0.0, now - answer.came_at)
