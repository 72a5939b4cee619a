"""Three-valued logic: a matcher answers true, false, or not known yet.

The third value is None. An AND is false as soon as one part is, whatever is unknown; an OR is true as soon as one
part is. Learning a fact can only turn None into True or False, never True into False or back: that is why a
decision taken early equals the one taken with all facts.

Source: S. C. Kleene, Introduction to Metamathematics (1952), section 64, the strong connectives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.policy.model import Facts

type Truth = bool | None
type Matcher = Callable[[Facts], Truth]


def conjunction(parts: Sequence[Matcher]) -> Matcher:
    """All of `parts`; true if there are none."""
    if len(parts) == 1:
        return parts[0]
    every = tuple(parts)

    def both(facts: Facts) -> Truth:
        truth: Truth = True
        for part in every:
            answer = part(facts)
            if answer is False:
                return False
            if answer is None:
                truth = None
        return truth

    return both


def disjunction(parts: Sequence[Matcher]) -> Matcher:
    """Any of `parts`; false if there are none."""
    if len(parts) == 1:
        return parts[0]
    every = tuple(parts)

    def either(facts: Facts) -> Truth:
        truth: Truth = False
        for part in every:
            answer = part(facts)
            if answer is True:
                return True
            if answer is None:
                truth = None
        return truth

    return either


def negation(part: Matcher) -> Matcher:
    """Not `part`; unknown stays unknown."""

    def opposite(facts: Facts) -> Truth:
        answer = part(facts)
        return None if answer is None else not answer

    return opposite


def settled(part: Matcher, *, unknown: bool) -> Matcher:
    """`part`, answering `unknown` where it does not know: for facts that nobody will learn any more."""

    def answer(facts: Facts) -> Truth:
        truth = part(facts)
        return unknown if truth is None else truth

    return answer


def constantly(*, truth: Truth) -> Matcher:
    """A matcher that answers `truth` to everything."""
    return lambda _facts: truth
