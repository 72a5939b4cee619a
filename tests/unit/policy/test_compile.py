from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from gateway.policy.compile import end_of_day
from gateway.policy.model import Mode
from tests.gates import NOW, facts, policy_of, problems_of

EVERYTHING = """
name: corporate
default: {action: deny, reason: Nothing goes}
show_rules: false
guardrails:
  - {id: wall, reason: R, when: {destination.ip: {in: [multicast]}}}
  - {id: off-wall, stage: off, reason: R, when: {method: [GET]}}
rules:
  - {id: b-deny, action: deny, reason: R, when: {request.size: {above: 10MB}, method: [POST]}}
  - {id: a-deny, action: deny, stage: shadow, reason: R, when: {response.size: {above: 1kB}}}
  - {id: allow, action: allow, reason: R, when: {request.size: {below: 1MB}}}
  - {id: tcp, action: allow, reason: R, when: {protocol: [tcp, h2], host: {is: [git.test]}}}
  - {id: some-tcp, action: allow, reason: R, any: [{protocol: [tcp]}, {method: [GET]}], when: {host: {is: [x.test]}}}
  - {id: off, action: deny, stage: off, reason: R, when: {request.size: {above: 77MB}}}
exceptions:
  - {id: ex, waives: [b-deny], when: {request.size: {below: 20MB}}, expires: 2027-01-01, owner: o, reason: R}
limits:
  - {id: rate, key: [client.ip], rate: 10/min}
  - {id: gone, key: [client.ip], rate: 10/min, stage: "off"}
headers:
  - {request: {remove: [Via]}}
  - {when: {scheme: [https]}, response: {remove: [Server]}}
"""


def test_rules_stand_in_the_order_in_which_they_are_named() -> None:
    policy = policy_of(EVERYTHING, mode=Mode.REVERSE)

    assert [rule.id for rule in policy.restraints] == ["wall", "a-deny", "b-deny"]
    assert [rule.id for rule in policy.grants] == ["allow", "some-tcp", "tcp"]
    assert policy.rule_ids == {"wall", "a-deny", "b-deny", "allow", "some-tcp", "tcp", "rate"}
    assert [spec.id for spec in policy.limit_specs] == ["rate"]


def test_a_forward_policy_begins_with_the_built_in_guardrails() -> None:
    policy = policy_of("default: {action: allow}")

    assert [rule.id for rule in policy.restraints] == ["builtin-connect-port", "builtin-special"]
    assert all(rule.guardrail and rule.place is None for rule in policy.restraints)


def test_a_compiled_policy_says_what_has_to_be_asked_and_when() -> None:
    policy = policy_of(EVERYTHING, mode=Mode.REVERSE)

    assert policy.size_bounds == (1_000_000, 10_000_000, 20_000_000)
    assert policy.response_size_bounds == (1000,)
    assert (policy.needs_destination, policy.needs_response) == (True, True)
    bare = policy_of("default: {action: allow}", mode=Mode.REVERSE)
    assert (bare.needs_destination, bare.needs_response, bare.size_bounds) == (False, False, ())


_TIMED = "rules: [{id: d, action: deny, reason: R, when: {time: {days: mon-fri, zone: Europe/Berlin}}}]"
_LIFTED = """
rules: [{id: d, action: deny, reason: R, when: {method: [GET]}}]
exceptions: [{id: ex, waives: [d], when: {method: [GET]}, expires: 2027-01-01, owner: o, reason: R}]
"""


@pytest.mark.parametrize(("more", "timeless"), [("", True), (_TIMED, False), (_LIFTED, False)])
def test_a_compiled_policy_knows_whether_the_clock_has_a_say(more: str, timeless: bool) -> None:  # noqa: FBT001 - the wanted value of a table's row
    policy = policy_of(f"default: {{action: allow}}\n{more}", mode=Mode.REVERSE)

    assert policy.is_timeless is timeless


def test_a_compiled_policy_keeps_what_people_are_told() -> None:
    policy = policy_of(EVERYTHING, mode=Mode.REVERSE)

    assert (policy.name, policy.allows_by_default, policy.default_reason) == ("corporate", False, "Nothing goes")
    assert (policy.default_place, policy.show_rules) == ("p.yaml:4", False)
    assert policy.rules["b-deny"].place == "p.yaml:10"
    assert (len(policy.headers), len(policy.unconditional), len(policy.always)) == (1, 1, 1)


def test_an_exception_belongs_to_the_denies_that_it_waives() -> None:
    rules = policy_of(EVERYTHING, mode=Mode.REVERSE).rules

    assert [exception.id for exception in rules["b-deny"].exceptions] == ["ex"]
    assert rules["a-deny"].exceptions == rules["wall"].exceptions == ()


def test_a_rule_names_tcp_only_if_every_request_that_it_allows_was_named() -> None:
    rules = policy_of(EVERYTHING, mode=Mode.REVERSE).rules

    assert {name for name, rule in rules.items() if rule.names_tcp} == {"tcp"}


def test_a_day_ends_where_the_next_one_begins_in_utc() -> None:
    assert end_of_day(date(2026, 11, 23)) == NOW + 14 * 3600


def test_a_compiled_policy_cannot_be_changed() -> None:
    policy = policy_of("default: {action: allow}")

    with pytest.raises(FrozenInstanceError):
        policy.allows_by_default = False  # type: ignore[misc]  # what must not work
    with pytest.raises(TypeError):
        policy.rules["x"] = policy.rules["builtin-special"]  # type: ignore[index]  # what must not work


def test_a_policy_with_problems_is_refused_with_all_of_them() -> None:
    found = problems_of("""default: {action: allow}
rules:
  - {id: one, action: allow, reason: R, when: {response.status: [404]}}
  - {id: two, action: allow, reason: R, when: {response.size: {above: 1kB}}}
""")

    assert [line.partition("  ")[0] for line in found] == ["p.yaml:4:48", "p.yaml:5:64"]


def test_splices_are_tried_in_the_order_of_their_ids() -> None:
    policy = policy_of("""
default: {action: allow}
tls:
  splice:
    - {id: b, reason: R, when: {host: {under: [a.test]}}}
    - {id: a, reason: R, when: {host: {is: [a.test]}}}
""")

    assert [name for name, matches in policy.tls.splices if matches(facts(host="a.test")) is True] == ["a", "b"]
