from __future__ import annotations

from gateway.policy.compiled import Clause, CompiledRule
from gateway.policy.hostindex import HostNames
from gateway.policy.kleene import constantly
from gateway.policy.names import Host
from tests.gates import policy_of


def test_a_rule_is_tied_to_the_hosts_of_its_clause() -> None:
    hosts = HostNames(exactly=frozenset({Host.parse("a.test")}))
    clause = Clause(match=constantly(truth=True), hosts=hosts)
    rule = CompiledRule(
        id="r", allows=False, guardrail=False, shadow=False, reason="R", place=None, rank=(2, "r"), clause=clause
    )

    assert rule.hosts is hosts
    assert (rule.exceptions, rule.names_tcp) == ((), False)


def test_the_ids_of_a_policy_are_those_that_a_decision_may_name() -> None:
    policy = policy_of("""
default: {action: allow}
rules: [{id: r, action: deny, reason: R, when: {method: [PUT]}}]
exceptions: [{id: e, waives: [r], when: {method: [PUT]}, expires: 2027-01-01, owner: o, reason: R}]
limits: [{id: l, key: [client.ip], concurrent: 3}]
""")

    assert policy.rule_ids == {"builtin-special", "builtin-connect-port", "r", "l"}
    assert [(spec.id, spec.concurrent) for spec in policy.limit_specs] == [("l", 3)]
