"""Charging the limits: once per exchange, after everything else has been said.

A limit counts a request for which its condition may hold: an unknown fact counts. Limits on trial (`stage: shadow`) are
charged by themselves, after the others have admitted the request, and only tell what they would have done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.policy.concurrency import Lease
from gateway.policy.model import Shadow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.compiled import CompiledLimit
    from gateway.policy.limits import LimitOutcome, Limits
    from gateway.policy.model import Facts


def charge(limits: Sequence[CompiledLimit], table: Limits, facts: Facts) -> tuple[LimitOutcome, tuple[Shadow, ...]]:
    """Charge every limit that counts the request, or none; and what the limits on trial would have done."""
    counting = [limit for limit in limits if limit.clause.match(facts) is not False]
    enforced = [limit for limit in counting if not limit.shadow]
    outcome = _charge(enforced, table, facts)
    if outcome.refused is not None or len(enforced) == len(counting):
        return outcome, ()
    trials = [(limit, _charge([limit], table, facts)) for limit in counting if limit.shadow]
    shadow = tuple(Shadow(limit.id, "deny") for limit, trial in trials if trial.refused is not None)
    return replace(outcome, lease=_joined([outcome, *(trial for _, trial in trials)])), shadow


def _joined(outcomes: Sequence[LimitOutcome]) -> Lease | None:
    held = Lease()
    taken = [outcome.lease for outcome in outcomes if outcome.lease is not None]
    for lease in taken:
        held.join(lease)
    return held if taken else None


def _charge(limits: Sequence[CompiledLimit], table: Limits, facts: Facts) -> LimitOutcome:
    return table.charge([limit.spec for limit in limits], [limit.key(facts) for limit in limits], facts.now)
