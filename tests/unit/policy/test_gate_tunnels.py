from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    FactName,
)
from tests.gates import ALLOWED, CLOSED, DENIED, OPEN, PUBLIC, facts, gate_of, said

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth

# --- tunnels

SPLICING = """
tls: {splice: [{id: bank, reason: Privacy, when: {host: {under: [bank.example]}}}]}
"""


@pytest.mark.parametrize(
    ("wanted", "host", "sni"),
    [
        ((False, "bank"), "bank.example", "bank.example"),
        ((False, "bank"), "www.bank.example", "www.bank.example"),
        ((False, "bank"), "bank.example", ABSENT),
        ((True, None), "bank.example", UNKNOWN),
        ((True, None), "bank.example", "www.bank.example"),
        ((True, None), "evil.example", "bank.example"),
        ((True, None), "evil.example", "evil.example"),
        ((True, None), UNKNOWN, "bank.example"),
    ],
)
def test_only_a_tunnel_whose_names_agree_is_spliced(wanted: tuple[bool, str | None], host: str, sni: str) -> None:
    treatment = gate_of(OPEN + SPLICING).treatment(facts(host=host, tls_sni=sni))

    assert (treatment.inspect, treatment.rule) == wanted


@pytest.mark.parametrize(
    ("inspected", "inspect", "host"),
    [
        (True, "all", "example.com"),
        (False, "none", "example.com"),
        (True, "{host: {under: [example.com]}}", "www.example.com"),
        (False, "{host: {under: [example.com]}}", "example.net"),
        (True, "{user: [alice]}", "example.net"),
    ],
)
def test_inspection_is_left_out_only_where_the_policy_says_so(inspected: Truth, inspect: str, host: str) -> None:
    gate = gate_of(OPEN + f"tls: {{inspect: {inspect}}}")
    treatment = gate.treatment(facts(host=host, tls_sni=host, user=UNKNOWN))

    assert (treatment.inspect, treatment.rule) == (inspected, None)


def test_a_spliced_tunnel_is_judged_as_https_that_nobody_reads() -> None:
    gate = gate_of(
        OPEN
        + SPLICING
        + """
rules:
  - {id: no-http, action: deny, reason: No, when: {scheme: [http]}}
  - {id: no-post, action: deny, reason: No, when: {method: [POST]}, not: {tls.inspected: [false]}}
"""
    )
    tunnel = facts(host="bank.example", tls_sni="bank.example", destination=PUBLIC, scheme=UNKNOWN, method=UNKNOWN)
    tunnel = facts(tunnel, path=UNKNOWN, headers=UNKNOWN, request_size=UNKNOWN, tls_inspected=False, protocol=UNKNOWN)

    assert said(gate.tunnel(tunnel)) == ALLOWED
    inspected = facts(tunnel, tls_inspected=True, scheme="https")
    assert said(gate.upstream(inspected)) == ("deny", "rule-deny", "no-post")


def test_what_is_unknown_of_a_tunnel_is_never_left_open() -> None:
    gate = gate_of(OPEN + "rules: [{id: big, action: deny, reason: No, when: {request.size: {above: 1MB}}}]")
    decision = gate.tunnel(facts(destination=PUBLIC, request_size=UNKNOWN, tls_inspected=False))

    assert said(decision) == ("deny", "rule-deny", "big")
    assert decision.unknown == (FactName.REQUEST_SIZE,)


RAW = facts(destination=PUBLIC, tls_inspected=ABSENT, tls_sni=ABSENT, tls_version=ABSENT, method=UNKNOWN, path=UNKNOWN)


@pytest.mark.parametrize(
    ("wanted", "rules"),
    [
        (("deny", "protocol-refused", None), "[]"),
        (("deny", "protocol-refused", None), "[{id: all, action: allow, reason: R, when: {port: [443]}}]"),
        (("allow", "allowed-by-rule", "git"), "[{id: git, action: allow, reason: R, when: {protocol: [tcp]}}]"),
        (
            ("deny", "rule-deny", "no"),
            """
  - {id: git, action: allow, reason: R, when: {protocol: [tcp]}}
  - {id: no, action: deny, reason: R, when: {port: [443]}}
""",
        ),
    ],
)
def test_a_tunnel_without_tls_needs_a_rule_that_names_tcp(wanted: tuple[str, str, str], rules: str) -> None:
    for default in (OPEN, CLOSED):
        for tunnel in (RAW, facts(RAW, tls_inspected=UNKNOWN)):
            decision = gate_of(default + f"rules: {rules}").tunnel(tunnel)
            assert said(decision) == wanted


SPLICED = facts(
    host="bank.example", tls_sni="bank.example", destination=PUBLIC, method=UNKNOWN, path=UNKNOWN, tls_inspected=False
)


@pytest.mark.parametrize(
    ("wanted", "policy"),
    [
        (ALLOWED, OPEN + SPLICING),
        (ALLOWED, OPEN + "tls: {inspect: none}"),
        (("deny", "protocol-refused", None), OPEN),
        (DENIED, CLOSED + SPLICING),
        (
            ("deny", "rule-deny", "no-banks"),
            OPEN + SPLICING + "rules: [{id: no-banks, action: deny, reason: R, when: {host: {under: [bank.example]}}}]",
        ),
        (
            ("deny", "rule-deny", "lunch"),
            OPEN
            + SPLICING
            + 'rules: [{id: lunch, action: deny, reason: R, when: {time: {from: "09:00", to: "17:00", zone: UTC}}}]',
        ),
    ],
)
def test_a_tunnel_that_stands_is_judged_like_a_new_one(wanted: tuple[str, str, str], policy: str) -> None:
    assert wanted == said(gate_of(policy).standing(SPLICED))


def test_a_raw_tunnel_that_stands_needs_its_rule_still() -> None:
    git = "rules: [{id: git, action: allow, reason: R, when: {protocol: [tcp]}}]"

    assert said(gate_of(OPEN + git).standing(RAW)) == ("allow", "allowed-by-rule", "git")
    assert said(gate_of(OPEN).standing(RAW)) == ("deny", "protocol-refused", None)


def test_a_tunnel_that_stands_is_charged_nothing_and_holds_no_lease() -> None:
    gate = gate_of(
        OPEN
        + SPLICING
        + "limits: [{id: one, key: [client.ip], rate: 1/day, burst: 1}, {id: at-once, key: [client.ip], concurrent: 1}]"
    )

    stands = [gate.standing(SPLICED) for _ in range(3)]

    assert [(said(each), each.lease, each.limits) for each in stands] == [(ALLOWED, None, ())] * 3
    assert said(gate.tunnel(SPLICED)) == ALLOWED
    assert said(gate.standing(SPLICED)) == ALLOWED
    assert said(gate.tunnel(SPLICED)) == ("deny", "rate-exceeded", "one")
