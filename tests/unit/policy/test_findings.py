from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.findings import hit_of, unknown_facts, value_of
from gateway.policy.model import ABSENT, UNKNOWN, FactName, Facts, ListHit
from tests.gates import NOW, PUBLIC, facts, gate_of, policy_of, said
from tests.strategies import contents

LISTED = """
default: {action: allow}
lists:
  names: {type: domain, items: [a.test], match: under}
  bees: {type: domain, items: [b.test], match: is}
  nets: {type: network, items: [10.1.0.0/16]}
rules:
  - {id: names, action: deny, reason: R, when: {host: {in: ["@bees", "@names"]}}}
  - {id: nets, action: deny, reason: R, when: {client.ip: {in: ["@nets"]}, host: {is: [c.test]}}}
  - {id: elsewhere, action: deny, reason: R, when: {host: {is: [d.test]}}, not: {client.ip: {in: ["@nets"]}}}
"""


@pytest.mark.parametrize(
    ("wanted", "rule", "given"),
    [
        (ListHit("names", "a.test"), "names", {"host": "x.a.test"}),
        (ListHit("bees", "b.test"), "names", {"host": "b.test"}),
        (ListHit("nets", "10.1.0.0/16"), "nets", {"host": "c.test", "client": "10.1.2.3"}),
        (ListHit("nets", "10.1.0.0/16"), "nets", {"host": "c.test", "client": "64:ff9b::10.1.2.3"}),
        (None, "elsewhere", {"host": "d.test", "client": "10.2.2.3"}),
    ],
)
def test_a_decision_shows_the_entry_that_made_its_rule_match(
    wanted: ListHit | None, rule: str, given: dict[str, Any]
) -> None:
    decision = gate_of(LISTED, lists=contents()).upstream(facts(**given, destination=PUBLIC))

    assert said(decision) == ("deny", "rule-deny", rule)
    assert decision.hit == wanted


@pytest.mark.parametrize(("age", "modified"), [(60.0, NOW - 60), (0.0, NOW + 60), (None, None)])
def test_an_entry_is_as_old_as_the_file_that_held_it(age: float | None, modified: float | None) -> None:
    content = contents()["names"]
    dated = type(content)(
        name="names", type="domain", entries=1, digest="sha256:d", domains=content.domains, modified=modified
    )
    policy = policy_of(LISTED, lists={**contents(), "names": dated})
    hit = hit_of(policy.rules["names"], facts(host="a.test"))

    assert hit == ListHit("names", "a.test", age)
    assert hit_of(policy.rules["names"], facts(host=UNKNOWN)) is None
    assert hit_of(policy.rules["nets"], facts(client=UNKNOWN)) is None


def test_the_unknown_facts_of_rules_are_named_once_and_in_order() -> None:
    rules = policy_of(LISTED, lists=contents()).rules
    nobody = Facts(now=NOW)

    assert unknown_facts(rules.values(), nobody) == (
        FactName.CLIENT_IP,
        FactName.CONNECT,
        FactName.DESTINATION_IP,
        FactName.HOST,
        FactName.PORT,
    )
    assert unknown_facts([rules["names"]], facts(host="a.test")) == ()


def test_every_fact_has_a_value_to_show() -> None:
    nobody = Facts(now=NOW)

    assert {name for name in FactName if value_of(nobody, name) is not UNKNOWN} == {FactName.TIME}
    assert value_of(facts(user=ABSENT), FactName.USER) is ABSENT
    assert value_of(facts(host=PUBLIC), FactName.DESTINATION_IP) == facts(destination=PUBLIC).destination_ips
