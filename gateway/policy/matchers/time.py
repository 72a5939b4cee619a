"""Conditions on `time`. The moment is a fact like any other: whoever asks brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.language.schedule import TimeWindow

if TYPE_CHECKING:
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Condition


def time_matcher(condition: Condition) -> Matcher:
    """A condition on `time`: inside one of the windows."""
    windows = tuple(value for value in condition.values if isinstance(value, TimeWindow))
    return lambda facts: any(window.contains(facts.now) for window in windows)
