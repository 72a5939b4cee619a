from __future__ import annotations

import pytest

from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Decision,
    EditRequest,
    EditResponse,
    Mode,
    PinAddress,
    Reason,
    Shadow,
    Verdict,
    Waived,
)
from tests.gates import ALLOWED, BROWSER, CLOSED, DENIED, NOW, OPEN, PUBLIC, facts, gate_of, said

NO_ADS = OPEN + "rules: [{id: no-ads, action: deny, reason: Ads, when: {host: {under: [ads.example]}}}]"
ONLY_DOCS = CLOSED + "rules: [{id: docs, action: allow, reason: Docs, when: {host: {is: [docs.example]}}}]"
WAIVED = (
    NO_ADS
    + """
exceptions: [{id: ex, waives: [no-ads], when: {user: [alice]}, expires: 2026-11-23, owner: bob, reason: Research}]
"""
)


# --- the combining rule


@pytest.mark.parametrize(
    ("wanted", "host"),
    [
        (("deny", "rule-deny", "no-ads"), "ads.example"),
        (("deny", "rule-deny", "no-ads"), "x.ads.example"),
        (ALLOWED, "example.com"),
        (ALLOWED, "badads.example"),
    ],
)
def test_a_deny_that_matches_wins_and_the_default_decides_the_rest(wanted: tuple[str, str, str], host: str) -> None:
    assert said(gate_of(NO_ADS).upstream(facts(host=host, destination=PUBLIC))) == wanted


@pytest.mark.parametrize(
    ("wanted", "host"),
    [
        (("allow", "allowed-by-rule", "docs"), "docs.example"),
        (DENIED, "example.com"),
        (DENIED, "docs.example.com"),
    ],
)
def test_what_no_rule_allows_a_closed_default_denies(wanted: tuple[str, str, str], host: str) -> None:
    assert said(gate_of(ONLY_DOCS).upstream(facts(host=host, destination=PUBLIC))) == wanted


def test_a_deny_wins_over_an_allow_wherever_it_stands() -> None:
    deny = "{id: b-deny, action: deny, reason: No, when: {method: [GET]}}"
    allow = "{id: a-allow, action: allow, reason: Yes, when: {host: {is: [example.com]}}}"
    request = facts(destination=PUBLIC)

    for rules in (f"[{deny}, {allow}]", f"[{allow}, {deny}]"):
        decision = gate_of(CLOSED + f"rules: {rules}").upstream(request)
        assert said(decision) == ("deny", "rule-deny", "b-deny")
        assert decision.matched == ("b-deny", "a-allow")


def test_the_deny_that_is_named_does_not_depend_on_the_order_of_the_file() -> None:
    rules = [f"{{id: {name}, action: deny, reason: No, when: {{method: [GET]}}}}" for name in ("zeta", "alpha", "mid")]
    guardrail = "guardrails: [{id: wall, reason: Never, when: {method: [GET]}}]\n"

    for order in (rules, rules[::-1]):
        decision = gate_of(OPEN + f"rules: [{', '.join(order)}]").upstream(facts(destination=PUBLIC))
        assert said(decision) == ("deny", "rule-deny", "alpha")
        walled = gate_of(OPEN + guardrail + f"rules: [{', '.join(order)}]").upstream(facts(destination=PUBLIC))
        assert said(walled) == ("deny", "guardrail", "wall")
        assert walled.matched == ("wall", "alpha", "mid", "zeta")


def test_a_deny_that_matched_for_certain_is_named_before_one_that_counts_for_want_of_a_fact() -> None:
    policy = (
        OPEN
        + """
guardrails: [{id: a-version, reason: Old, when: {tls.version: {below: 1.2}}}]
rules: [{id: z-method, action: deny, reason: No, when: {method: [GET]}}]
"""
    )
    decision = gate_of(policy).upstream(facts(destination=PUBLIC, tls_version=UNKNOWN))

    assert said(decision) == ("deny", "rule-deny", "z-method")
    assert decision.matched == ("a-version", "z-method")
    assert decision.unknown == ()


def test_a_decision_carries_place_message_and_digest() -> None:
    gate = gate_of(NO_ADS)
    decision = gate.upstream(facts(host="ads.example", destination=PUBLIC))

    assert said(decision) == ("deny", "rule-deny", "no-ads")
    assert decision.place == "p.yaml:3"
    assert decision.message == "Ads"
    assert decision.policy == "p"
    assert decision.digest == gate.policy.digest
    assert gate.policy.digest.startswith("sha256:")


# --- exceptions


@pytest.mark.parametrize(
    ("wanted", "user"),
    [
        (ALLOWED, "alice"),
        (("deny", "rule-deny", "no-ads"), "bob"),
        (("deny", "rule-deny", "no-ads"), ABSENT),
        (("deny", "rule-deny", "no-ads"), UNKNOWN),
    ],
)
def test_an_exception_lifts_its_deny_only_for_whom_it_certainly_names(wanted: tuple[str, str, str], user: str) -> None:
    assert said(gate_of(WAIVED).upstream(facts(host="ads.example", destination=PUBLIC, user=user))) == wanted


def test_a_lifted_deny_is_recorded_with_its_exception() -> None:
    decision = gate_of(WAIVED).upstream(facts(host="ads.example", destination=PUBLIC, user="alice"))

    assert said(decision) == ALLOWED
    assert decision.waived == (Waived("no-ads", "ex"),)
    assert decision.matched == ("no-ads",)


def test_an_exception_grants_nothing_by_itself() -> None:
    policy = WAIVED.replace("action: allow", "action: deny")

    assert said(gate_of(policy).upstream(facts(host="ads.example", destination=PUBLIC, user="alice"))) == DENIED


@pytest.mark.parametrize(
    ("wanted", "now"),
    [
        (ALLOWED, NOW + 14 * 3600 - 0.5),
        (("deny", "rule-deny", "no-ads"), NOW + 14 * 3600),
    ],
)
def test_an_exception_ends_with_its_last_day_in_utc(wanted: tuple[str, str, str], now: float) -> None:
    request = facts(host="ads.example", destination=PUBLIC, user="alice", now=now)

    assert said(gate_of(WAIVED).upstream(request)) == wanted


# --- limits, trials, obligations


LIMITED = (
    OPEN
    + """
rules: [{id: no-ads, action: deny, reason: Ads, when: {host: {under: [ads.example]}}}]
limits: [{id: per-client, key: [client.ip], rate: 2/min, burst: 2}]
"""
)


def test_a_limit_refuses_what_is_too_much_and_says_when_to_come_back() -> None:
    gate = gate_of(LIMITED)
    request = facts(destination=PUBLIC)
    first, second, third = (gate.upstream(request) for _ in range(3))

    assert said(first) == said(second) == ALLOWED
    assert [state.remaining for state in first.limits] == [1]
    assert said(third) == ("deny", "rate-exceeded", "per-client")
    assert third.retry_after == pytest.approx(30.0)
    assert third.place == "p.yaml:5"
    assert said(gate.upstream(facts(request, client="10.1.2.4"))) == ALLOWED


def test_denied_requests_are_never_charged() -> None:
    gate = gate_of(LIMITED)
    for _ in range(5):
        denied = gate.upstream(facts(host="ads.example", destination=PUBLIC))
        assert said(denied) == ("deny", "rule-deny", "no-ads")

    assert said(gate.upstream(facts(destination=PUBLIC))) == ALLOWED


def test_only_the_last_word_charges() -> None:
    gate = gate_of(LIMITED)
    request = facts(destination=PUBLIC)
    for ask in (gate.request, gate.response, gate.size, gate.connect) * 3:
        ask(request)

    assert said(gate.upstream(request)) == ALLOWED
    assert said(gate.upstream(request)) == ALLOWED


def test_what_the_default_denies_is_not_charged_either() -> None:
    gate = gate_of(
        CLOSED
        + """
rules: [{id: docs, action: allow, reason: Docs, when: {host: {is: [docs.example]}}}]
limits: [{id: one, key: [client.ip], rate: 1/min, burst: 1}]
"""
    )
    for _ in range(3):
        assert said(gate.upstream(facts(destination=PUBLIC))) == DENIED

    assert said(gate.upstream(facts(host="docs.example", destination=PUBLIC)))[0] == "allow"


def test_an_allowed_exchange_holds_its_lease_until_it_is_released() -> None:
    gate = gate_of(OPEN + "limits: [{id: in-flight, key: [client.ip], concurrent: 1}]")
    request = facts(destination=PUBLIC)
    first = gate.upstream(request)

    assert said(first) == ALLOWED
    assert said(gate.upstream(request)) == ("deny", "concurrency-exceeded", "in-flight")
    assert first.lease is not None
    first.lease.release()
    assert said(gate.upstream(request)) == ALLOWED


def test_rules_on_trial_are_recorded_and_never_decide() -> None:
    policy = (
        CLOSED
        + """
guardrails: [{id: wall, stage: shadow, reason: R, when: {method: [GET]}}]
rules:
  - {id: a-deny, stage: shadow, action: deny, reason: R, when: {host: {under: [example.com]}}}
  - {id: b-allow, stage: shadow, action: allow, reason: R, when: {method: [GET]}}
  - {id: c-off, stage: off, action: deny, reason: R, when: {method: [GET]}}
  - {id: d-real, action: allow, reason: R, when: {method: [GET]}}
limits: [{id: trial, stage: shadow, key: [client.ip], rate: 1/min, burst: 1}]
"""
    )
    gate = gate_of(policy)
    first, second = gate.upstream(facts(destination=PUBLIC)), gate.upstream(facts(destination=PUBLIC))

    assert said(first) == said(second) == ("allow", "allowed-by-rule", "d-real")
    assert first.matched == ("d-real",)
    assert first.shadow == (Shadow("a-deny", "deny"), Shadow("b-allow", "allow"), Shadow("wall", "deny"))
    assert second.shadow == (*first.shadow[:2], Shadow("trial", "deny"), Shadow("wall", "deny"))
    assert "c-off" not in gate.policy.rule_ids


def test_an_allow_carries_the_edits_and_the_judged_addresses_and_a_deny_carries_nothing() -> None:
    gate = gate_of(NO_ADS + "\nheaders: [{request: {remove: [Via]}, response: {remove: [Server]}}]")
    allowed = gate.upstream(facts(destination=PUBLIC))
    denied = gate.upstream(facts(host="ads.example", destination=PUBLIC))
    kinds = [type(obligation) for obligation in allowed.obligations]

    assert said(allowed) == ALLOWED
    assert kinds == [EditRequest, EditResponse, PinAddress]
    assert said(denied) == ("deny", "rule-deny", "no-ads")
    assert denied.obligations == ()


def test_reverse_policies_have_no_built_in_guardrails() -> None:
    gate = gate_of(OPEN, mode=Mode.REVERSE)

    assert said(gate.upstream(facts(destination="127.0.0.1"))) == ALLOWED
    assert said(gate.upstream(facts(destination=UNKNOWN))) == ALLOWED
    assert not gate.policy.needs_destination
    assert gate_of(OPEN).policy.needs_destination


def test_an_answer_of_the_gate_is_no_truth_value() -> None:
    gate = gate_of(OPEN)
    for answer in (gate.request(BROWSER), gate.upstream(BROWSER), gate.treatment(BROWSER)):
        with pytest.raises(TypeError):
            bool(answer)


def test_every_allow_has_a_reason_to_allow() -> None:
    with pytest.raises(ValueError, match="no reason to allow"):
        Decision(verdict=Verdict.ALLOW, reason=Reason.DEFAULT)
