"""For every policy and every request: the record of a decision decides the same again, or says why it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.policy.addresses import Address
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, Facts, Mode
from gateway.policy.names import Host
from gateway.replay.grouping import Change
from gateway.replay.recall import recall
from gateway.replay.rejudging import Rejudge
from tests.unit.replay.made import (
    NOW,
    comes_so,
    compiled,
    exchange,
    inspected,
    judged,
    plain,
    replayed,
    spliced,
    target,
    traffic,
)

HOSTS = ["site.example", "ads.example", "x.ads.example", "10.0.0.8", "[2001:db8::1]", "bank.example", "localhost"]
POLICIES = (
    "default: {action: allow}\n",
    "default: {action: deny}\n",
    """default: {action: allow}
guardrails: [{id: no-ads, reason: Ads, when: {host: {under: [ads.example]}}}]
rules:
  - {id: no-put, action: deny, reason: No, when: {method: [PUT], host: {is: [site.example]}}}
  - {id: admin, action: deny, reason: No, when: {path: {prefix: [/admin]}, protocol: [http/1.1, h2]}}
  - {id: agent, action: deny, reason: No, when: {header.user-agent: {contains: [bot]}, protocol: [http/1.1, h2]}}
  - {id: big, action: deny, reason: No, when: {request.size: {above: 1kB}, protocol: [http/1.1, h2]}}
  - {id: token, action: deny, reason: No, when: {query.token: {present: true}, protocol: [http/1.1, h2]}}
  - {id: page, action: deny, reason: No, when: {query.page: {is: [x]}, protocol: [http/1.1, h2]}}
  - {id: trial, action: deny, stage: shadow, reason: No, when: {header.x-a: {present: true}}}
exceptions:
  - {id: ex, waives: [no-put, admin], when: {user: [alice]}, expires: 2030-01-01, owner: o@x.example, reason: Trial}
tls: {inspect: all, splice: [{id: bank, reason: Private, when: {host: {is: [bank.example]}}}]}
""",
    """default: {action: deny}
unsafe_destinations: [10.0.0.0/8]
rules:
  - {id: office, action: allow, reason: Office, when: {client.ip: {in: [10.0.0.0/8]}, method: [GET]}}
  - {id: alice, action: allow, reason: Alice, when: {user: [alice], host: {under: [example]}}}
  - {id: bank, action: allow, reason: Bank, when: {host: {is: [bank.example]}}}
  - {id: a-key, action: allow, reason: Key, when: {header.x-key: {present: true}}}
  - {id: old, action: deny, reason: Old TLS, when: {tls.version: {below: 1.2}}}
  - {id: far, action: deny, reason: Far, when: {destination.ip: {in: [93.184.216.0/24]}, port: [8080]}}
tls: {inspect: {host: {is: [site.example, ads.example]}}}
""",
)


def _hosts() -> st.SearchStrategy[Host]:
    return st.sampled_from(HOSTS).map(lambda text: Host.parse(text.strip("[]")))


def _addresses() -> st.SearchStrategy[Address]:
    return st.sampled_from(["93.184.216.34", "10.0.0.8", "127.0.0.1", "2001:4860::1"]).map(Address.parse)


@st.composite
def _requests(draw: st.DrawFn) -> Facts:
    made = draw(st.sampled_from([plain, inspected, spliced]))
    changed: dict[str, Any] = {
        "now": NOW + draw(st.integers(0, 10**6)),
        "client_ip": draw(st.sampled_from(["10.1.2.3", "192.0.2.7"]).map(Address.parse)),
        "destination_ips": tuple(draw(st.lists(_addresses(), min_size=1, max_size=2)))
        if draw(st.booleans())
        else ABSENT,
        "host": draw(_hosts()),
        "port": draw(st.sampled_from([80, 443, 8080])),
        "user": draw(st.sampled_from([ABSENT, "alice", "bob"])),
    }
    if made is not spliced:
        changed |= {
            "method": draw(st.sampled_from(["GET", "PUT", "PURGE"])),
            "target": target(draw(st.sampled_from(["/", "/admin", "/%61dmin/x", "/a?token=1", "/a?page=x&b", "/a?c"]))),
            "headers": Fields.of([("host", "h"), *draw(st.lists(_fields, max_size=2))]),
            "request_size": draw(st.sampled_from([0, 1000, 1001, 5000, UNKNOWN])),
            "protocol": draw(st.sampled_from(["http/1.1", "h2", "websocket"])),
        }
    facts: Facts = made(**changed)
    return facts


_fields = st.sampled_from([("user-agent", "bot"), ("user-agent", "curl"), ("x-key", "1"), ("x-a", "1")])


@pytest.mark.parametrize("text", POLICIES)
@given(facts=_requests())
def test_a_record_decides_what_was_decided_or_says_what_is_missing(text: str, facts: Facts) -> None:
    policy, asked = compiled(text)
    assume(comes_so(policy, facts))
    known, decision = judged(policy, facts)
    record, _ = exchange(known, decision)

    outcome = Rejudge(policy).by_rules(recall(record, asked, facts.now))

    assert outcome.verdict in (None, decision.verdict)
    if outcome.verdict is None:
        assert outcome.missing
        assert set(outcome.missing) <= asked.facts
    elif outcome.is_named and decision.reason != "protocol-refused":
        assert (outcome.reason, outcome.rule) == (decision.reason, decision.rule)


@pytest.mark.parametrize("text", POLICIES)
@given(requests=st.lists(_requests(), min_size=1, max_size=8))
def test_nothing_changes_for_traffic_that_is_replayed_under_the_rules_that_decided_it(
    text: str, requests: list[Facts]
) -> None:
    policy, _ = compiled(text)
    requests = [facts for facts in requests if comes_so(policy, facts)]
    result = replayed(text, traffic(policy, *requests))

    assert result.requests + result.left_out["protocol-refused"] == len(requests)
    assert {group.change for group in result.groups.sorted()} <= {Change.CANNOT_TELL}


@pytest.mark.parametrize("text", POLICIES[:3])
@given(facts=_requests())
def test_what_the_log_hides_is_never_guessed(text: str, facts: Facts) -> None:
    """A record of which more is hidden tells less, and nothing else."""
    policy, asked = compiled(text)
    record, _ = exchange(*judged(policy, facts))
    full = Rejudge(policy).by_rules(recall(record, asked, facts.now))
    record["client"] |= {"ip": "10.1.2.0/24"}
    if record["request"]["path"] is not None:
        record["masked"].append("/request/path")

    outcome = Rejudge(policy).by_rules(recall(record, asked, facts.now))

    assert outcome.verdict in (None, full.verdict)


@given(facts=_requests(), other=st.sampled_from(POLICIES))
def test_what_a_record_says_under_another_policy_is_what_that_policy_says(facts: Facts, other: str) -> None:
    judge, _ = compiled(POLICIES[0])
    policy, asked = compiled(other)
    known, decision = judged(judge, facts)
    assume(facts.tls_inspected is ABSENT)  # whether TLS is inspected is for the other policy to say
    record, _ = exchange(known, decision)

    outcome = Rejudge(policy).by_rules(recall(record, asked, facts.now))

    assert outcome.verdict in (None, judged(policy, facts)[1].verdict)


@given(facts=_requests())
def test_the_law_holds_for_a_reverse_listener_too(facts: Facts) -> None:
    text = POLICIES[2]
    policy, asked = compiled(text, Mode.REVERSE)
    known, decision = judged(policy, facts.learning(connect=False))
    assume(facts.protocol != "tcp")
    record, _ = exchange(known, decision, mode=Mode.REVERSE)

    outcome = Rejudge(policy).by_rules(recall(record, asked, facts.now))

    assert outcome.verdict in (None, decision.verdict)
