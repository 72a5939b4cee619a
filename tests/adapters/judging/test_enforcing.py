from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from addons.judging.enforcing import charged, enforceable
from gateway.policy.addresses import Address
from gateway.policy.headers import HeaderEdit
from gateway.policy.model import Decision, EditRequest, EditResponse, PinAddress, Reason, Verdict

KNOWN = (EditRequest(HeaderEdit()), EditResponse(HeaderEdit()), PinAddress((Address.parse("192.0.2.1"),)))


@dataclass
class Lease:
    """A place under a limit that remembers whether it was given back."""

    released: int = 0

    def release(self) -> None:
        """Give it back."""
        self.released += 1


def allowing(*obligations: Any, lease: Any = None) -> Decision:
    return Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, obligations=obligations, lease=lease)


@pytest.mark.parametrize("obligations", [(), KNOWN])
def test_a_decision_stands_that_obliges_to_what_is_known(obligations: tuple[Any, ...]) -> None:
    decision = allowing(*obligations)

    assert enforceable(decision) is decision


def test_an_obligation_that_nobody_knows_refuses_and_gives_the_place_back() -> None:
    lease = Lease()
    decision = enforceable(allowing(KNOWN[0], "a new obligation", lease=lease))

    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.UNKNOWN_OBLIGATION)
    assert lease.released == 1


def test_a_decision_to_which_nothing_is_due_stands_as_it_is() -> None:
    decision = allowing()

    assert asyncio.run(charged(decision)) is decision
