from __future__ import annotations

from tests.bench.bench_decision import measure, questions, ruled_gate, table
from tests.gates import PUBLIC, facts


def test_the_benchmark_measures_decisions_that_are_right() -> None:
    measured = measure(questions(names=1_000, networks=500, rules=50), repeats=5, rounds=3)

    assert [(line.decision.verdict.value, line.decision.rule) for line in measured] == [
        ("allow", None),
        ("deny", "bad-names"),
        ("allow", None),
        ("allow", None),
    ]
    assert all(line.microseconds > 0 for line in measured)
    assert table(measured).count("\n") == len(measured) + 1


def test_a_host_is_compared_with_the_rules_of_its_own_name_only() -> None:
    gate = ruled_gate(50)
    concerned = gate.policy.restraints.candidates(facts(host="x.r7.test", destination=PUBLIC).host)

    assert {rule.id for rule in concerned} == {"r7", "builtin-special", "builtin-connect-port"}
