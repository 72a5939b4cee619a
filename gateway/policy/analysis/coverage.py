"""Coverage: which clauses of a policy its cases have put to the test.

A rule or guardrail is covered by a case in which it matched, an exception by one in which it lifted a deny. Rules on
trial count like others, for their time will come; what is off does not. Limits are told apart: they are covered by a
case that they refused (`repeat`), and no share is asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.model import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Ids of rules, guardrails and exceptions, and of limits, by whether a case covers them."""

    covered: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    untried_limits: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The covered share of rules, guardrails and exceptions, from 0 to 1; a policy without any is covered."""
        count = len(self.covered) + len(self.uncovered)
        return len(self.covered) / count if count else 1.0


def coverage_of(policy: CompiledPolicy, decisions: Iterable[Decision]) -> Coverage:
    """What these decisions put to the test."""
    seen: set[str | None] = set()
    for decision in decisions:
        seen |= {decision.rule, *decision.matched}
        seen |= {waived.exception for waived in decision.waived}
        seen |= {shadow.rule for shadow in decision.shadow}
    wanted = [rule.id for rule in policy.rules.values() if rule.place is not None]
    wanted += [exception.id for exception in policy.exceptions]
    return Coverage(
        covered=tuple(sorted(name for name in wanted if name in seen)),
        uncovered=tuple(sorted(name for name in wanted if name not in seen)),
        untried_limits=tuple(sorted(limit.id for limit in policy.limits if limit.id not in seen)),
    )
