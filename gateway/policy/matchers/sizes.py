"""Conditions by `above` and `below`: sizes, statuses and TLS versions.

A body that states no length is judged while it passes. Its size is then only known from below: `above` can become
certain and `below` impossible. What cannot be proved that way counts against the request from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.matchers.sides import Side, single, without_value
from gateway.policy.model import FactName, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.kleene import Matcher, Truth
    from gateway.policy.language.conditions import Condition
    from gateway.policy.model import Fact, Facts

NUMBERS: Final[Mapping[FactName, Callable[[Facts], Fact[int]]]] = {
    FactName.REQUEST_SIZE: lambda facts: facts.request_size,
    FactName.RESPONSE_SIZE: lambda facts: facts.response_size,
    FactName.RESPONSE_STATUS: lambda facts: facts.response_status,
}
"""The facts that have an order as numbers."""

VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3")
"""TLS versions, oldest first."""


def size_matcher(condition: Condition) -> Matcher:
    """A number `above` or `below` a bound; the bound itself is neither."""
    read, bound = NUMBERS[FactName(condition.name)], bound_of(condition)
    if condition.operator == "above":
        return single(read, lambda size: size > bound)
    return single(read, lambda size: size < bound)


def provable(condition: Condition, side: Side) -> bool:
    """Whether a body that passes can turn a bound against the request: `above` in a deny, `below` in its `not`.

    The other way round only the end of a body could tell, and by then all of it has passed.
    """
    return (condition.operator == "above") is (side is Side.RESTRAINS)


def growing_size_matcher(condition: Condition, side: Side) -> Matcher:
    """A bound and a size that is still growing, of which the fact holds what has passed so far."""
    read, bound, above = NUMBERS[FactName(condition.name)], bound_of(condition), condition.operator == "above"
    undecided: Truth = None if provable(condition, side) else side is Side.RESTRAINS

    def matches(facts: Facts) -> Truth:
        size = read(facts)
        if isinstance(size, Missing):
            return without_value(size)
        if above:
            return True if size > bound else undecided
        return False if size >= bound else undecided

    return matches


def version_matcher(condition: Condition, side: Side) -> Matcher:
    """A TLS version `below` another; a version that nobody knows counts against the request."""
    old = frozenset(VERSIONS[: VERSIONS.index(str(condition.values[0]))])
    odd = side is Side.RESTRAINS
    return single(lambda facts: facts.tls_version, lambda version: version in old or (odd and version not in VERSIONS))


def bound_of(condition: Condition) -> int:
    """The number that a condition compares with."""
    value = condition.values[0]
    if not isinstance(value, int):
        raise TypeError(f"`{condition.fact}` is compared with a number, not with `{value}`")
    return value
