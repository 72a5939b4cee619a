"""What an allow has still to be charged to: limits that gateways count together, in a store that has to be waited for.

The gate never waits. What it allows is due then: it charges the limits of this machine, and whoever acts on the
decision has to settle the rest first. What others refuse is taken back here, so that a request is charged to all limits
that count it, or to none. If the store cannot be asked, the ledger says whether this machine counts alone meanwhile;
else the request is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from gateway.policy.charging import charge
from gateway.policy.limits import MOMENT, LimitOutcome, joined
from gateway.policy.model import Reason, Shadow, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.compiled import CompiledLimit
    from gateway.policy.limits import CountedAt, Key, Limits, LimitSpec
    from gateway.policy.model import Decision, Facts

_CLUSTER: Final[CountedAt] = "cluster"
_LOCAL: Final[CountedAt] = "local"


class Away(Exception):  # noqa: N818 - it says where the store is
    """The store could not be asked, or did not answer in time, or not as it should."""


class Ledger(Protocol):
    """The store that gateways count in, as one listener asks it."""

    @property
    def counts_alone(self) -> bool:
        """Whether this machine counts by itself while the store is away; else what is due is refused."""

    async def charge(
        self, limits: Sequence[tuple[LimitSpec, Key]], trials: Sequence[tuple[LimitSpec, Key]]
    ) -> tuple[LimitOutcome, frozenset[str]]:
        """Charge all of the limits or none, then each of the trials by itself; the ids of those that would refuse.

        Raises Away. Whatever happens, nothing is held then that is not in the lease.
        """


@dataclass(frozen=True, slots=True)
class Due:
    """The limits of a `ledger` that count a request, beside `here`, those that were charged on this machine."""

    ledger: Ledger
    table: Limits
    facts: Facts
    here: tuple[CompiledLimit, ...]
    there: tuple[CompiledLimit, ...]

    @classmethod
    def of(cls, ledger: Ledger, limits: Sequence[CompiledLimit], table: Limits, facts: Facts) -> Due | None:
        """What is due for a request that `table` was charged for; None if no limit of the ledger counts it."""
        counting = tuple(limit for limit in limits if limit.clause.match(facts) is not False)
        there = tuple(limit for limit in counting if limit.cluster)
        here = tuple(limit for limit in counting if not limit.cluster and not limit.shadow)
        return cls(ledger, table, facts, here, there) if there else None

    async def charged(self) -> tuple[LimitOutcome, tuple[Shadow, ...]]:
        """What the limits say, wherever they are counted in the end."""
        try:
            outcome, refusing = await self.ledger.charge(self._asked(shadow=False), self._asked(shadow=True))
        except Away:
            return self._without_store()
        return _counted_at(_CLUSTER, outcome), tuple(Shadow(each, "deny") for each in sorted(refusing))

    def take_back(self) -> None:
        """What was charged here is charged no more."""
        self.table.uncharge([limit.spec for limit in self.here], [limit.key(self.facts) for limit in self.here])

    def _asked(self, *, shadow: bool) -> list[tuple[LimitSpec, Key]]:
        return [(limit.spec, limit.key(self.facts)) for limit in self.there if limit.shadow is shadow]

    def _without_store(self) -> tuple[LimitOutcome, tuple[Shadow, ...]]:
        enforced = [limit for limit in self.there if not limit.shadow]
        if self.ledger.counts_alone:
            outcome, shadow = charge(self.there, self.table, self.facts)
            return _counted_at(_LOCAL, outcome), shadow
        if not enforced:
            return LimitOutcome(), ()
        first = min(limit.id for limit in enforced)
        return LimitOutcome(refused=first, reason=Reason.LIMITS_UNAVAILABLE, retry_after=MOMENT), ()


async def settled(decision: Decision) -> Decision:
    """The decision that stands once all that was due is charged. After a failure nothing stays charged or held."""
    due = decision.due
    if due is None:
        return decision
    try:
        outcome, shadow = await due.charged()
    except BaseException:
        _give_back(decision, due)
        raise
    if outcome.refused is not None:
        _give_back(decision, due)
        return _refused(decision, due, outcome)
    return replace(
        decision,
        due=None,
        limits=decision.limits + outcome.states,
        lease=joined([decision.lease, outcome.lease]),
        shadow=tuple(sorted((*decision.shadow, *shadow), key=lambda each: each.rule)),
    )


def _give_back(decision: Decision, due: Due) -> None:
    if decision.lease is not None:
        decision.lease.release()
    due.take_back()


def _refused(decision: Decision, due: Due, outcome: LimitOutcome) -> Decision:
    limit = next(limit for limit in due.there if limit.id == outcome.refused)
    return replace(
        decision,
        verdict=Verdict.DENY,
        reason=outcome.reason or Reason.LIMITS_UNAVAILABLE,
        rule=limit.id,
        place=limit.place,
        message=None,
        obligations=(),
        retry_after=outcome.retry_after,
        limits=decision.limits + outcome.states,
        lease=None,
        due=None,
        hit=None,
    )


def _counted_at(store: CountedAt, outcome: LimitOutcome) -> LimitOutcome:
    return replace(outcome, states=tuple(replace(state, store=store) for state in outcome.states))
