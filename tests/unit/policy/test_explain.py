from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.policy.explain import LONGEST, SENTENCES, age_text, as_json, explain, value_text
from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Reason,
    refuse,
)
from tests.gates import NOW, PUBLIC, facts, gate_of
from tests.strategies import contents

POLICY = """
default: {action: allow}
lists:
  names: {type: domain, items: [a.test], match: under}
guardrails:
  - {id: wall, reason: Never, when: {tls.version: {below: 1.2}}}
rules:
  - {id: no-ads, action: deny, reason: Advertising, when: {host: {in: ["@names"]}, user: [eve, bob]}}
  - {id: no-put, action: deny, reason: No writing, when: {method: [PUT]}}
  - {id: trial, action: deny, stage: shadow, reason: R, when: {method: [PUT, GET]}}
exceptions:
  - {id: ex, waives: [no-put], when: {user: [eve]}, expires: 2027-01-01, owner: o, reason: R}
limits: [{id: slow, key: [client.ip], rate: 1/min, burst: 1}]
"""


def _explained(**given: Any) -> list[str]:
    names = replace(contents()["names"], modified=NOW - 3 * 86400)
    gate = gate_of(POLICY, lists={"names": names})
    known = facts(destination=PUBLIC, **given)
    return list(explain(gate.upstream(known), gate.policy, known))


def test_a_denial_is_explained_by_its_rule_its_words_its_place_and_its_facts() -> None:
    assert _explained(host="x.a.test", user="eve", method="PUT") == [
        "denied by rule `no-ads`",
        "  reason: Advertising",
        "  at p.yaml:9",
        "  host is x.a.test",
        "  user is eve",
        "  on list `names` as `a.test`, 3d old",
        "  `no-put` matched and was lifted by exception `ex`",
        "  on trial: `trial` would have denied it",
    ]


def test_what_was_not_known_is_said() -> None:
    assert _explained(host="a.test", user=UNKNOWN, method="POST")[:5] == [
        "denied by rule `no-ads`",
        "  reason: Advertising",
        "  at p.yaml:9",
        "  host is a.test",
        "  user is unknown, counted against the request",
    ]


def test_a_closed_destination_is_told_for_what_it_is() -> None:
    gate = gate_of("default: {action: allow}")
    known = facts(destination=(PUBLIC, "64:ff9b::10.0.0.1"))

    assert list(explain(gate.upstream(known), gate.policy, known)) == [
        "denied by guardrail `builtin-special`, which no exception lifts",
        "  reason: Special-purpose destinations are closed",
        "  destination.ip is 64:ff9b::a00:1, 93.184.216.34",
        "    64:ff9b::a00:1 is private: private use (RFC 1918)",
        "  host is example.com",
    ]


def test_a_rule_of_hours_shows_what_time_it_was() -> None:
    rule = "{id: r, action: deny, reason: R, when: {time: {days: mon-fri, zone: UTC}}}"
    gate = gate_of(f"default: {{action: allow}}\nrules: [{rule}]")

    assert "  time is Mon 2026-11-23 10:00 UTC" in explain(
        gate.upstream(facts(destination=PUBLIC)), gate.policy, facts()
    )


def test_every_other_rule_that_matched_is_named() -> None:
    lines = _explained(host="a.test", user="bob", method="PUT", tls_version="1.0")

    assert lines[0] == "denied by guardrail `wall`, which no exception lifts"
    assert "  also matched: `no-ads`, `no-put`" in lines


def test_an_allow_by_default_says_so() -> None:
    assert _explained(method="POST") == [
        "allowed: no rule denies it, and the default is to allow",
        "  at p.yaml:3",
    ]


def test_a_closed_default_names_the_facts_that_an_allow_lacked() -> None:
    gate = gate_of("default: {action: deny}\nrules: [{id: r, action: allow, reason: R, when: {user: [eve]}}]")
    known = facts(destination=PUBLIC, user=UNKNOWN)

    assert list(explain(gate.upstream(known), gate.policy, known)) == [
        "denied: no rule allows it, and the default is to deny",
        "  at p.yaml:2",
        "  user is unknown, so no rule that asks for it allows",
    ]


def test_a_limit_says_when_to_come_back() -> None:
    gate = gate_of(POLICY, lists=contents())
    known = facts(destination=PUBLIC, method="POST")
    gate.upstream(known)

    assert list(explain(gate.upstream(known), gate.policy, known)) == [
        "denied by limit `slow`: too many requests",
        "  at p.yaml:14",
        "  next try in 60.0 s",
    ]


def test_the_object_of_an_audit_record_has_its_keys_in_order() -> None:
    gate = gate_of(POLICY, lists=contents())
    decision = gate.upstream(facts(destination=PUBLIC, host="a.test", user="eve", method="PUT"))

    assert list(as_json(decision).items()) == [
        ("verdict", "deny"),
        ("reason", "rule-deny"),
        ("rule", "no-ads"),
        ("place", "p.yaml:9"),
        ("matched", ["no-ads", "no-put"]),
        ("waived", [{"rule": "no-put", "exception": "ex"}]),
        ("shadow", [{"rule": "trial", "action": "deny"}]),
        ("unknown", []),
    ]


def test_every_reason_that_a_gate_gives_has_a_sentence() -> None:
    own = {reason for reason in Reason if reason not in SENTENCES}

    assert Reason.PROTOCOL_REFUSED in own
    assert {Reason.ALLOWED_BY_RULE, Reason.GUARDRAIL, Reason.DEFAULT, Reason.RATE_EXCEEDED} <= SENTENCES.keys()
    gate = gate_of("default: {action: allow}")
    lines = explain(refuse(Reason.MALFORMED_REQUEST, "host: it is empty"), gate.policy, facts())
    assert list(lines) == ["denied: malformed-request", "  reason: host: it is empty"]


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [("2d", 200_000), ("1d", 86_400), ("23h", 86_399), ("59min", 3599), ("59s", 59.9), ("0s", 0)],
)
def test_an_age_is_told_in_one_unit(wanted: str, seconds: float) -> None:
    assert age_text(seconds) == wanted


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("unknown", UNKNOWN),
        ("absent", ABSENT),
        ("true", True),
        ("none", frozenset()),
        ("a, b", frozenset({"b", "a"})),
        ("/x?y=1", facts(path="/x?y=1").target),
        ("10.1.2.3", facts().client_ip),
        ("u" * LONGEST + "...", "u" * 500),
    ],
)
def test_a_value_is_shown_as_people_write_it_and_never_at_length(wanted: str, value: Any) -> None:
    assert value_text(value) == wanted
