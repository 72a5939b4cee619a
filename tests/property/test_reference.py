from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from tests.reference import judged
from tests.strategies import facts, gate, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words


@given(policy=policies(), request=requests(), mode=modes())
def test_the_gate_says_what_the_sentences_of_the_language_say(policy: Words, request: Words, mode: Mode) -> None:
    decision = gate(policy, mode).response(facts(request))

    assert judged(policy, request, mode) == (decision.verdict.value, decision.rule)
