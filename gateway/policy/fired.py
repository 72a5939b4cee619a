"""How often the clauses of a policy had a say, since it was put in force.

Decisions that are alike are counted under one key, so that a request costs one look into a table; what a clause had to
do with them is worked out when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.policy.model import Decision, Shadow, Waived

    type _Alike = tuple[str | None, tuple[str, ...], tuple[Shadow, ...], tuple[Waived, ...]]

MOST: Final = 4096
"""Kinds of decisions that are told apart before they are added up."""


@dataclass(slots=True)
class Uses:
    """How often a clause named the decision, matched, would have had a say (on trial), and was lifted or lifts."""

    decided: int = 0
    matched: int = 0
    shadow: int = 0
    waived: int = 0


@dataclass(slots=True)
class Fired:
    """Counts the decisions of one gate. Not thread-safe: one event loop owns it."""

    _alike: dict[_Alike, int] = field(default_factory=dict)
    _uses: dict[str, Uses] = field(default_factory=dict)

    def note(self, decision: Decision) -> None:
        """Count the decision on an exchange."""
        key = (decision.rule, decision.matched, decision.shadow, decision.waived)
        self._alike[key] = self._alike.get(key, 0) + 1
        if len(self._alike) > MOST:
            self._add_up()

    def note_end(self, decision: Decision) -> None:
        """Count what ended an exchange that was counted before: only who decided is new."""
        if decision.rule is not None:
            key = (decision.rule, (), (), ())
            self._alike[key] = self._alike.get(key, 0) + 1

    def uses(self) -> dict[str, Uses]:
        """By the ids of rules, guardrails, limits and exceptions; those that had no say are not in it."""
        self._add_up()
        return dict(self._uses)

    def _add_up(self) -> None:
        for (rule, matched, shadow, waived), count in self._alike.items():
            if rule is not None:
                self._of(rule).decided += count
            for each in matched:
                self._of(each).matched += count
            for trial in shadow:
                self._of(trial.rule).shadow += count
            for lifted in waived:
                self._of(lifted.rule).waived += count
                self._of(lifted.exception).waived += count
        self._alike.clear()

    def _of(self, name: str) -> Uses:
        return self._uses.setdefault(name, Uses())
