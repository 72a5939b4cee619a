"""Law 4: removing a shadow rule changes no decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given

from gateway.policy.model import Decision, Pending
from tests.strategies import facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_rules_on_trial_and_rules_that_are_off_change_no_decision(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    enforced = {
        section: [rule for rule in policy[section] if rule["stage"] == "enforce"] for section in ("guardrails", "rules")
    }
    kept = {rule["id"] for rule in enforced["rules"]}
    waiving = [
        {**entry, "waives": [name for name in entry["waives"] if name in kept]} for entry in policy["exceptions"]
    ]
    bare = {**policy, **enforced, "exceptions": [entry for entry in waiving if entry["waives"]]}
    known = forgotten(facts(request), lost)

    for phase in ("connect", "request", "upstream", "response", "tunnel"):
        one, other = getattr(gate(policy, mode), phase)(known), getattr(gate(bare, mode), phase)(known)
        assert _decided(one) == _decided(other), phase


def _decided(answer: Decision | Pending) -> Decision | None:
    """What was decided, without the trials and without the names that differ by file."""
    return replace(answer, shadow=(), digest=None) if isinstance(answer, Decision) else None
