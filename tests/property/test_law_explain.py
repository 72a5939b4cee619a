"""Law 7: `explain` names a rule that really matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from gateway.policy.explain import as_json, explain
from tests.reference import selected
from tests.strategies import facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words


@given(policy=policies(), request=requests(), mode=modes())
def test_the_rule_that_is_named_really_matched(policy: Words, request: Words, mode: Mode) -> None:
    judge, known = gate(policy, mode), facts(request)
    decision = judge.response(known)
    lines = explain(decision, judge.policy, known)
    rules = {rule["id"]: rule for rule in (*policy["guardrails"], *policy["rules"])}

    assert set(decision.matched) >= {decision.rule} - {None}
    for name in decision.matched:
        if name in rules:
            assert selected(rules[name], request, wide=rules[name].get("action") != "allow")
            assert rules[name]["stage"] == "enforce"
    assert decision.rule is None or f"`{decision.rule}`" in lines[0]
    assert as_json(decision)["rule"] == decision.rule


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_a_rule_that_is_named_for_want_of_a_fact_says_which(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    judge, known = gate(policy, mode), forgotten(facts(request), lost)
    decision = judge.upstream(known)
    text = "\n".join(explain(decision, judge.policy, known))

    assert all(f"{name} is unknown" in text for name in decision.unknown)
    assert decision.rule is None or decision.rule in decision.matched or decision.limits
    if decision.rule is not None and decision.unknown:
        assert set(decision.unknown) <= judge.policy.rules[decision.rule].clause.facts
