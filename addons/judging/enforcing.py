"""Whether the gateway can do all that a decision obliges it to; if not, the decision does not stand."""

from __future__ import annotations

from typing import Final

from gateway.policy.dues import settled
from gateway.policy.model import Decision, EditRequest, EditResponse, PinAddress, Reason, refuse

_KNOWN: Final = (EditRequest, EditResponse, PinAddress)


def enforceable(decision: Decision) -> Decision:
    """The decision, or a denial if it obliges the gateway to something that it does not know."""
    if all(isinstance(obligation, _KNOWN) for obligation in decision.obligations):
        return decision
    if decision.lease is not None:
        decision.lease.release()
    return refuse(Reason.UNKNOWN_OBLIGATION)


async def charged(decision: Decision) -> Decision:
    """The decision that stands once it is charged to all limits that count it, wherever they are counted."""
    return decision if decision.due is None else await settled(decision)
