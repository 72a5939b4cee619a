"""For whom a condition is compiled: the one place that says how many values of a fact must match.

Some facts have several values: the addresses of a name (and the IPv4 addresses embedded in them), the lines of a
field, the parameters of a query, the readings of a path. An attacker chooses among them, so:

- On the side that RESTRAINS (guardrails, denies, limits, `inspect`) one matching value is enough.
- On the side that GRANTS (allows, exceptions, splices) every value must match, and there must be one.
- `not` turns the side around: what a deny excludes it excludes only for certain, with every value.
- `not_in` asks each value by itself, "does it lie outside?": a deny by `not_in` matches if one value lies outside,
  an allow only if all do.
- A condition on an ABSENT fact is false. `not_in` on the side that RESTRAINS is the exception: nothing lies in no
  list, so a deny by `not_in` matches what has no value (a country for an address that has none).
- A condition on an UNKNOWN fact is unknown; who combines the rules says what that counts for.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from gateway.policy.model import UNKNOWN, Fact, Facts, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.policy.kleene import Matcher, Truth


class Side(Enum):
    """Whether a match takes access away or gives it."""

    RESTRAINS = "restrains"
    GRANTS = "grants"

    @property
    def other(self) -> Side:
        """The side of a `not` block."""
        return Side.GRANTS if self is Side.RESTRAINS else Side.RESTRAINS


def without_value(missing: Missing, *, absent: bool = False) -> Truth:
    """What a condition answers for a fact that has no value."""
    return None if missing is UNKNOWN else absent


def single[T](read: Callable[[Facts], Fact[T]], test: Callable[[T], bool], *, absent: bool = False) -> Matcher:
    """A condition on a fact that has one value."""

    def matches(facts: Facts) -> Truth:
        value = read(facts)
        if isinstance(value, Missing):
            return without_value(value, absent=absent)
        return test(value)

    return matches


def several[T](
    read: Callable[[Facts], Fact[Collection[T]]],
    test: Callable[[T], bool],
    side: Side,
    *,
    absent: bool = False,
) -> Matcher:
    """A condition on a fact that may have several values; no value at all is an absent fact."""
    enough = any if side is Side.RESTRAINS else all

    def matches(facts: Facts) -> Truth:
        values = read(facts)
        if isinstance(values, Missing):
            return without_value(values, absent=absent)
        return enough(map(test, values)) if values else absent

    return matches
