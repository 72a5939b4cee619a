"""From the words of a policy to one matcher: `when` and not `not` and one of `any`.

A selection is compiled in several readings. They differ in what a fact that has no value yet counts for:

- KNOWN: unknown stays unknown. This is the reading that an early decision may trust.
- STANDING: for the last word before something is forwarded. What no later moment brings is settled against the
  request: it matches on the side that restrains and does not match on the side that grants. Open stays what the
  answer will tell, and the size of a body that states no length as far as it can be judged while it passes.
- ANSWERED: for the head of the answer. Open stays nothing but sizes, in the same way.
- GROWING: while a body passes: sizes say what has passed so far.
- GRANTED: for an allow while a body passes. Its sizes were judged when it was given and are not judged again.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from gateway.policy.kleene import conjunction, constantly, disjunction, negation, settled
from gateway.policy.language.conditions import ListRef
from gateway.policy.matchers.address import address_matcher
from gateway.policy.matchers.host import host_matcher
from gateway.policy.matchers.identity import group_matcher
from gateway.policy.matchers.request import path_matcher, value_matcher
from gateway.policy.matchers.sides import Side
from gateway.policy.matchers.sizes import growing_size_matcher, provable, size_matcher, version_matcher
from gateway.policy.matchers.time import time_matcher
from gateway.policy.matchers.words import word_matcher
from gateway.policy.model import RESPONSE_FACTS, SIZE_FACTS, FactName

if TYPE_CHECKING:
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Block, Condition, Selection
    from gateway.policy.matchers.context import Context


class Reading(Enum):
    """How a fact without a value is read, see the head of this module."""

    KNOWN = "known"
    STANDING = "standing"
    ANSWERED = "answered"
    GROWING = "growing"
    GRANTED = "granted"


def selection_matcher(selection: Selection, context: Context, side: Side, reading: Reading = Reading.KNOWN) -> Matcher:
    """Whether a request is selected; a selection without any condition selects every request."""
    parts: list[Matcher] = []
    if selection.when is not None:
        parts.append(block_matcher(selection.when, context, side, reading))
    if selection.not_ is not None:
        parts.append(negation(block_matcher(selection.not_, context, side.other, reading)))
    if selection.any:
        parts.append(disjunction([block_matcher(block, context, side, reading) for block in selection.any]))
    return conjunction(parts)


def block_matcher(block: Block, context: Context, side: Side, reading: Reading = Reading.KNOWN) -> Matcher:
    """All conditions of a block, the cheap ones first."""
    return conjunction([_condition(condition, context, side, reading) for condition in sorted(block, key=_cost)])


def _condition(condition: Condition, context: Context, side: Side, reading: Reading) -> Matcher:
    known = condition_matcher(condition, context, side)
    if reading is Reading.KNOWN:
        return known
    fact = FactName(condition.name)
    if fact in SIZE_FACTS and not (fact in RESPONSE_FACTS and reading is Reading.STANDING):
        return _size(condition, known, side, reading)
    if fact in RESPONSE_FACTS and reading is not Reading.ANSWERED:
        return known
    return settled(known, unknown=side is Side.RESTRAINS)


def _size(condition: Condition, known: Matcher, side: Side, reading: Reading) -> Matcher:
    """A size that nobody stated: open if a passing body can still prove it, else settled."""
    if reading is Reading.GRANTED:
        return constantly(truth=True)
    if reading is Reading.GROWING:
        return growing_size_matcher(condition, side)
    return known if provable(condition, side) else settled(known, unknown=side is Side.RESTRAINS)


def condition_matcher(condition: Condition, context: Context, side: Side) -> Matcher:
    """One condition, in the reading KNOWN."""
    match FactName(condition.name):
        case FactName.HOST | FactName.TLS_SNI:
            return host_matcher(condition, context)
        case FactName.CLIENT_IP | FactName.DESTINATION_IP:
            return address_matcher(condition, context, side)
        case FactName.PATH:
            return path_matcher(condition, side)
        case FactName.HEADER | FactName.QUERY:
            return value_matcher(condition, side)
        case FactName.GROUP:
            return group_matcher(condition, context, side)
        case FactName.TIME:
            return time_matcher(condition)
        case FactName.TLS_VERSION if condition.operator == "below":
            return version_matcher(condition, side)
        case _ if condition.operator in ("above", "below"):
            return size_matcher(condition)
        case _:
            return word_matcher(condition, side)


def _cost(condition: Condition) -> int:
    """Lists, patterns and calendars last: most requests are told apart by something cheaper."""
    if FactName(condition.name) is FactName.TIME or condition.operator == "matches":
        return 2
    return int(any(isinstance(value, ListRef) for value in condition.values))
