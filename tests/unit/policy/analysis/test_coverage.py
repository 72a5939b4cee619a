from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.analysis.coverage import Coverage, coverage_of
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from tests.gates import PUBLIC, facts, policy_of

POLICY = """
default: {action: allow}
guardrails: [{id: wall, reason: R, when: {method: [TRACE]}}]
rules:
  - {id: no-put, action: deny, reason: R, when: {method: [PUT]}}
  - {id: trial, action: deny, stage: shadow, reason: R, when: {method: [PUT]}}
  - {id: off, action: deny, stage: off, reason: R, when: {method: [PUT]}}
exceptions: [{id: ex, waives: [no-put], when: {user: [eve]}, expires: 2027-01-01, owner: o, reason: R}]
limits: [{id: slow, key: [client.ip], rate: 1/min, burst: 1}]
"""


@pytest.mark.parametrize(
    ("covered", "given"),
    [
        ((), {"method": "GET"}),
        (("wall",), {"method": "TRACE"}),
        (("no-put", "trial"), {"method": "PUT"}),
        (("ex", "no-put", "trial"), {"method": "PUT", "user": "eve"}),
    ],
)
def test_a_clause_is_covered_by_a_decision_in_which_it_took_part(
    covered: tuple[str, ...], given: dict[str, Any]
) -> None:
    policy = policy_of(POLICY)
    decision = Gate(policy, LimitTable(policy.limit_specs)).upstream(facts(destination=PUBLIC, **given))
    coverage = coverage_of(policy, [decision])

    assert coverage.covered == covered
    assert set(coverage.uncovered) == {"wall", "no-put", "trial", "ex"} - set(covered)
    assert coverage.untried_limits == ("slow",)
    assert coverage.share == len(covered) / 4


def test_a_limit_is_tried_by_a_decision_that_it_refused() -> None:
    policy = policy_of(POLICY)
    gate = Gate(policy, LimitTable(policy.limit_specs))
    decisions = [gate.upstream(facts(destination=PUBLIC)) for _ in range(2)]

    assert coverage_of(policy, decisions[:1]).untried_limits == ("slow",)
    assert coverage_of(policy, decisions).untried_limits == ()


def test_a_policy_without_rules_is_covered() -> None:
    assert Coverage().share == 1.0
    assert coverage_of(policy_of("default: {action: allow}"), []) == Coverage()
