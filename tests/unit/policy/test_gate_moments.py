from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    FactName,
    Facts,
    Pending,
)
from tests.gates import ALLOWED, BROWSER, CLOSED, DENIED, NOW, OPEN, PENDING, PUBLIC, facts, gate_of, said

NO_ADS = OPEN + "rules: [{id: no-ads, action: deny, reason: Ads, when: {host: {under: [ads.example]}}}]"
ONLY_DOCS = CLOSED + "rules: [{id: docs, action: allow, reason: Docs, when: {host: {is: [docs.example]}}}]"
WAIVED = (
    NO_ADS
    + """
exceptions: [{id: ex, waives: [no-ads], when: {user: [alice]}, expires: 2026-11-23, owner: bob, reason: Research}]
"""
)


# --- early answers


def test_nothing_is_ever_allowed_early() -> None:
    gate = gate_of(OPEN)
    known = facts(destination=PUBLIC)

    for ask in (gate.connection, gate.connect, gate.hello, gate.request):
        assert ask(known) == Pending()


def test_a_certain_deny_is_said_at_the_first_moment() -> None:
    client = Facts(now=NOW, client_ip=BROWSER.client_ip)
    office = gate_of(OPEN + "guardrails: [{id: office, reason: No, when: {client.ip: {not_in: [192.168.0.0/16]}}}]")
    connect = replace(client, host=facts(host="ads.example").host, port=443, connect=True)

    assert said(office.connection(client)) == ("deny", "guardrail", "office")
    assert said(gate_of(NO_ADS).connection(client)) == PENDING
    assert said(gate_of(NO_ADS).connect(connect)) == ("deny", "rule-deny", "no-ads")


@pytest.mark.parametrize(
    ("wanted", "destination"),
    [(ALLOWED, PUBLIC), (("deny", "guardrail", "builtin-special"), "10.1.2.3"), (ALLOWED, ABSENT)],
)
def test_what_was_clear_of_an_address_is_not_clear_of_another_that_is_dialled_for_it(
    wanted: tuple[str, str, str | None], destination: object
) -> None:
    gate = gate_of(OPEN)
    early = gate.request(facts(host=PUBLIC, destination=UNKNOWN))

    assert early == Pending(is_clear=True)
    assert said(gate.upstream(facts(host=PUBLIC, destination=destination), early)) == wanted


def test_an_open_exception_holds_an_early_deny_back() -> None:
    gate = gate_of(WAIVED)
    early = facts(host="ads.example", user=UNKNOWN)

    assert gate.connect(early) == Pending(("builtin-special", "no-ads"))
    assert said(gate.connect(facts(early, user="bob"))) == ("deny", "rule-deny", "no-ads")
    assert said(gate.connect(facts(early, user="alice"))) == PENDING


def test_a_closed_default_denies_early_once_no_rule_can_allow_any_more() -> None:
    gate = gate_of(ONLY_DOCS)
    connect = Facts(now=NOW, client_ip=BROWSER.client_ip, port=443, connect=True)

    assert said(gate.connection(connect)) == PENDING
    assert said(gate.connect(facts(connect, host="docs.example"))) == PENDING
    assert said(gate.connect(facts(connect, host="example.com"))) == DENIED


def test_a_pending_answer_names_the_rules_that_are_open() -> None:
    gate = gate_of(
        CLOSED
        + """
rules:
  - {id: no-post, action: deny, reason: No, when: {method: [POST]}}
  - {id: docs, action: allow, reason: Docs, when: {path: {prefix: [/docs]}}}
"""
    )
    connect = facts(method=UNKNOWN, path=UNKNOWN)

    assert gate.connect(connect) == Pending(("builtin-special", "docs", "no-post"))


# --- the last word


@pytest.mark.parametrize(
    ("wanted", "action"),
    [
        (("deny", "rule-deny", "rule"), "deny"),
        (DENIED, "allow"),
    ],
)
def test_an_unknown_fact_counts_against_the_request_on_either_side(wanted: tuple[str, str, str], action: str) -> None:
    default = OPEN if action == "deny" else CLOSED
    gate = gate_of(default + f"rules: [{{id: rule, action: {action}, reason: R, when: {{user: [alice]}}}}]")
    decision = gate.upstream(facts(destination=PUBLIC, user=UNKNOWN))

    assert said(decision) == wanted
    assert decision.unknown == (FactName.USER,)


def test_no_forward_request_passes_whose_destination_nobody_judged() -> None:
    decision = gate_of(OPEN).upstream(facts(destination=UNKNOWN))

    assert said(decision) == ("deny", "guardrail", "builtin-special")
    assert decision.unknown == (FactName.DESTINATION_IP,)


NO_BINARIES = (
    OPEN
    + """
rules:
  - {id: no-binaries, action: deny, reason: No, when: {host: {under: [cdn.example]}, response.type: [application/zip]}}
"""
)


def test_a_rule_on_the_answer_is_left_open_until_the_answer_is_there() -> None:
    gate = gate_of(NO_BINARIES)
    request = facts(host="cdn.example", destination=PUBLIC)

    assert said(gate.upstream(request)) == ALLOWED
    assert said(gate.response(facts(request, response_type="application/zip"))) == ("deny", "rule-deny", "no-binaries")
    assert said(gate.response(facts(request, response_type="text/html"))) == ALLOWED
    assert said(gate.response(facts(request, response_type=ABSENT))) == ALLOWED
    assert gate.policy.needs_response
    assert not gate_of(OPEN).policy.needs_response


def test_what_else_a_rule_on_the_answer_asks_for_counts_once_the_answer_matches() -> None:
    policy = NO_BINARIES.replace("response.type", "user: [eve], response.type")
    request = facts(host="cdn.example", destination=PUBLIC, user=UNKNOWN)
    answer = gate_of(policy).response(facts(request, response_type="application/zip"))

    assert said(gate_of(policy).upstream(request)) == ALLOWED
    assert said(answer) == ("deny", "rule-deny", "no-binaries")
    assert answer.unknown == (FactName.USER,)


NO_UPLOADS = (
    OPEN
    + """
rules: [{id: no-uploads, action: deny, reason: Too big, when: {method: [POST], request.size: {above: 10MB}}}]
"""
)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [(ALLOWED, 10_000_000), (("deny", "rule-deny", "no-uploads"), 10_000_001)],
)
def test_a_stated_size_is_judged_with_the_head(wanted: tuple[str, str, str], size: int) -> None:
    request = facts(method="POST", destination=PUBLIC, request_size=size)

    assert said(gate_of(NO_UPLOADS).upstream(request)) == wanted


def test_a_body_without_a_length_passes_until_it_is_too_large() -> None:
    gate = gate_of(NO_UPLOADS)
    request = facts(method="POST", destination=PUBLIC, request_size=UNKNOWN)

    assert gate.policy.size_bounds == (10_000_000,)
    assert said(gate.upstream(request)) == ALLOWED
    assert said(gate.size(facts(request, request_size=10_000_000))) == ALLOWED
    assert said(gate.size(facts(request, request_size=10_000_001))) == ("deny", "rule-deny", "no-uploads")
    assert said(gate.size(facts(request, method="GET", request_size=10_000_001))) == ALLOWED


def test_a_lower_bound_cannot_wait_for_the_end_of_a_body_without_a_length() -> None:
    gate = gate_of(OPEN + "rules: [{id: tiny, action: deny, reason: No, when: {request.size: {below: 100}}}]")
    unstated = gate.upstream(facts(destination=PUBLIC, request_size=UNKNOWN))

    assert said(gate.upstream(facts(destination=PUBLIC, request_size=100))) == ALLOWED
    assert said(unstated) == ("deny", "rule-deny", "tiny")
    assert unstated.unknown == (FactName.REQUEST_SIZE,)


def test_an_exception_for_small_bodies_does_not_cover_one_that_is_still_growing() -> None:
    policy = (
        NO_UPLOADS
        + """
exceptions:
  - {id: ex, waives: [no-uploads], when: {request.size: {below: 50MB}}, expires: 2099-01-01, owner: o, reason: R}
"""
    )
    gate = gate_of(policy)
    stated = facts(method="POST", destination=PUBLIC, request_size=20_000_000)

    assert said(gate.upstream(stated)) == ALLOWED
    assert said(gate.size(stated)) == ("deny", "rule-deny", "no-uploads")


def test_an_allow_by_size_is_not_taken_back_while_the_body_passes() -> None:
    gate = gate_of(CLOSED + "rules: [{id: small, action: allow, reason: R, when: {request.size: {above: 1MB}}}]")
    request = facts(destination=PUBLIC)

    assert said(gate.upstream(facts(request, request_size=5_000_000))) == ("allow", "allowed-by-rule", "small")
    assert said(gate.size(facts(request, request_size=1000))) == ("allow", "allowed-by-rule", "small")
    assert said(gate.upstream(facts(request, request_size=UNKNOWN))) == DENIED


def test_a_rule_on_the_answer_waits_for_it_while_the_body_of_a_request_passes() -> None:
    gate = gate_of(NO_BINARIES)
    request = facts(host="cdn.example", destination=PUBLIC, request_size=UNKNOWN)

    assert said(gate.upstream(request)) == ALLOWED
    assert said(gate.size(facts(request, request_size=1_000_000))) == ALLOWED


def test_an_answer_whose_type_nobody_knows_counts_against_the_request() -> None:
    decision = gate_of(NO_BINARIES).response(facts(host="cdn.example", destination=PUBLIC, response_type=UNKNOWN))

    assert said(decision) == ("deny", "rule-deny", "no-binaries")
    assert decision.unknown == (FactName.RESPONSE_TYPE,)


NO_HUGE_ANSWERS = OPEN + "rules: [{id: huge, action: deny, reason: R, when: {response.size: {above: 1MB}}}]"


def test_an_answer_without_a_length_passes_until_it_is_too_large() -> None:
    gate = gate_of(NO_HUGE_ANSWERS)
    answer = facts(destination=PUBLIC, response_status=200, response_type="text/html", response_size=UNKNOWN)

    assert gate.policy.response_size_bounds == (1_000_000,)
    assert said(gate.response(answer)) == ALLOWED
    assert said(gate.size(facts(answer, response_size=1_000_000))) == ALLOWED
    assert said(gate.size(facts(answer, response_size=1_000_001))) == ("deny", "rule-deny", "huge")
    assert said(gate.response(facts(answer, response_size=1_000_001))) == ("deny", "rule-deny", "huge")


def test_while_no_host_is_known_the_rules_of_hosts_are_open_and_no_allow_is_overlooked() -> None:
    gate = gate_of(
        CLOSED
        + """
rules:
  - {id: a, action: allow, reason: R, when: {host: {is: [a.test]}, client.ip: {in: [192.168.0.0/16]}}}
  - {id: b, action: allow, reason: R, when: {host: {is: [b.test]}, client.ip: {in: [10.0.0.0/8]}}}
  - {id: no-c, action: deny, reason: R, when: {host: {under: [c.test]}}}
"""
    )
    client = Facts(now=NOW, client_ip=BROWSER.client_ip)
    stranger = facts(client, client="172.16.0.1")

    assert gate.connection(client) == Pending(("b", "builtin-connect-port", "builtin-special", "no-c"))
    assert said(gate.connection(stranger)) == DENIED


def test_a_rule_about_both_sizes_is_judged_when_both_are_known() -> None:
    rule = "{id: both, action: deny, reason: R, when: {request.size: {above: 10}, response.size: {above: 10}}}"
    gate = gate_of(f"{OPEN}rules: [{rule}]")
    request = facts(destination=PUBLIC, request_size=UNKNOWN)
    passed = facts(request, request_size=11, response_status=200)

    assert said(gate.upstream(request)) == ALLOWED
    assert said(gate.size(facts(request, request_size=11))) == ALLOWED
    assert said(gate.response(facts(passed, response_size=11))) == ("deny", "rule-deny", "both")
    assert said(gate.response(facts(passed, response_size=10))) == ALLOWED
    assert said(gate.size(facts(passed, response_size=11))) == ("deny", "rule-deny", "both")


def test_at_another_server_a_request_is_judged_as_at_the_first_and_charged_nothing() -> None:
    gate = gate_of(
        OPEN
        + "rules: [{id: no-b, action: deny, reason: B, when: {destination.ip: {in: [93.184.216.35]}}}]\n"
        + "limits: [{id: one, key: [client.ip], rate: 1/h, burst: 1}]"
    )
    here, there = facts(destination=PUBLIC), facts(destination="93.184.216.35")

    assert said(gate.upstream(here)) == ALLOWED
    assert [said(gate.elsewhere(here)) for _ in range(3)] == [ALLOWED] * 3
    assert said(gate.elsewhere(there)) == ("deny", "rule-deny", "no-b")
