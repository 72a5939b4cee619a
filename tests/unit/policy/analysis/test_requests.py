from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.policy.analysis.requests import Question, facts_of, judge, unread
from gateway.policy.errors import Malformed
from gateway.policy.explain import value_text
from gateway.policy.model import ABSENT, UNKNOWN, Facts, Mode, Reason
from tests.gates import ALLOWED, CLOSED, NOW, OPEN, PUBLIC, gate_of, said

if TYPE_CHECKING:
    from gateway.policy.analysis.given import Given

KNOWN: Given = {"client.ip": ("10.1.2.3",), "destination.ip": (PUBLIC,)}


def _ask(url: str, mode: Mode = Mode.FORWARD, **given: str) -> Facts:
    more = {name.replace("_", "."): (text,) for name, text in given.items()}
    return facts_of(Question(url=url, given={**KNOWN, **more}), mode, NOW)


def test_a_plain_request_goes_through_no_tunnel() -> None:
    asked = _ask("http://Example.com:8080/%61?x=1")

    assert (str(asked.host), asked.port, asked.scheme, asked.connect) == ("example.com", 8080, "http", False)
    assert (asked.tls_sni, asked.tls_version, asked.tls_inspected) == (ABSENT, ABSENT, ABSENT)
    assert value_text(asked.target) == "/a?x=1"
    assert (asked.user, asked.groups, asked.request_size) == (ABSENT, frozenset(), 0)


@pytest.mark.parametrize(
    ("wanted", "mode", "url"),
    [
        ((True, "example.com", UNKNOWN), Mode.FORWARD, "https://example.com/"),
        ((True, "absent", UNKNOWN), Mode.FORWARD, "https://93.184.216.34/"),
        ((False, "example.com", True), Mode.REVERSE, "https://example.com/"),
        ((False, "absent", ABSENT), Mode.REVERSE, "http://example.com/"),
    ],
)
def test_https_goes_through_a_tunnel_in_forward_mode_and_ends_at_a_reverse_gateway(
    wanted: tuple[bool, str, object], mode: Mode, url: str
) -> None:
    asked = _ask(url, mode)
    sni = asked.tls_sni.value if asked.tls_sni is ABSENT else str(asked.tls_sni)

    assert (asked.connect, sni, asked.tls_inspected) == wanted
    assert asked.port == (443 if url.startswith("https") else 80)


@pytest.mark.parametrize(
    "url", ["example.com", "ftp://example.com/", "http://a b/", "http://u:p@example.com/", "http:///"]
)
def test_a_url_that_no_listener_would_take_is_malformed(url: str) -> None:
    with pytest.raises(Malformed):
        _ask(url)


POLICY = (
    OPEN
    + """
tls: {splice: [{id: bank, reason: R, when: {host: {under: [bank.test]}}}]}
guardrails: [{id: office, reason: R, when: {client.ip: {not_in: [10.0.0.0/8]}}}]
rules:
  - {id: no-ads, action: deny, reason: R, when: {host: {under: [ads.test]}}}
  - {id: no-put, action: deny, reason: R, when: {method: [PUT], protocol: [http/1.1]}}
  - {id: no-zip, action: deny, reason: R, when: {response.type: [application/zip], tls.inspected: [true]}}
  - {id: old-tls, action: deny, reason: R, when: {tls.version: {below: 1.2}}}
  - {id: no-bank-a, action: deny, reason: R, when: {host: {is: [a.bank.test]}, tls.inspected: [false]}}
  - {id: git, action: allow, reason: R, when: {protocol: [tcp], host: {is: [git.test]}}}
limits: [{id: running, key: [client.ip], concurrent: 1}]
"""
)


@pytest.mark.parametrize(
    ("wanted", "url", "given"),
    [
        (ALLOWED, "http://example.com/", {}),
        (("deny", "guardrail", "office"), "http://example.com/", {"client_ip": "192.168.0.1"}),
        (("deny", "rule-deny", "no-ads"), "https://ads.test/", {}),
        (("deny", "guardrail", "builtin-connect-port"), "https://example.com:8443/", {}),
        (("deny", "rule-deny", "old-tls"), "https://example.com/", {"tls_version": "1.1"}),
        (("deny", "rule-deny", "no-put"), "https://example.com/", {"method": "PUT"}),
        (ALLOWED, "https://www.bank.test/", {"method": "PUT"}),
        (("deny", "rule-deny", "no-bank-a"), "https://a.bank.test/", {}),
        (("deny", "guardrail", "builtin-special"), "https://example.com/", {"destination_ip": "10.0.0.1"}),
        (("deny", "rule-deny", "no-zip"), "https://example.com/", {"response_type": "application/zip"}),
        (ALLOWED, "https://example.com/", {"response_type": "text/html"}),
        (ALLOWED, "https://www.bank.test/", {"response_type": "application/zip"}),
        (("allow", "allowed-by-rule", "git"), "http://git.test:443/", {"connect": "true", "protocol": "tcp"}),
        (("deny", "protocol-refused", None), "http://other.test:443/", {"connect": "true", "protocol": "tcp"}),
    ],
)
def test_a_question_is_judged_at_every_moment_at_which_an_engine_asks(
    wanted: tuple[str, str, str], url: str, given: dict[str, str]
) -> None:
    assert said(judge(gate_of(POLICY), _ask(url, Mode.FORWARD, **given))) == wanted


def test_a_name_that_nobody_resolved_counts_against_the_request() -> None:
    asked = facts_of(Question(url="http://example.com/", given={"client.ip": ("10.1.2.3",)}), Mode.FORWARD, NOW)

    assert said(judge(gate_of(OPEN), asked)) == ("deny", "guardrail", "builtin-special")
    assert said(judge(gate_of(OPEN, mode=Mode.REVERSE), asked)) == ALLOWED


def test_an_answer_that_is_denied_gives_its_lease_back_and_one_that_is_allowed_keeps_it() -> None:
    gate = gate_of(POLICY)
    zipped = _ask("https://example.com/", response_type="application/zip")
    page = _ask("https://example.com/", response_type="text/html")
    for _ in range(2):
        assert said(judge(gate, zipped)) == ("deny", "rule-deny", "no-zip")
    held = judge(gate, page)

    assert said(held) == ALLOWED
    assert held.lease is not None
    assert said(judge(gate, page)) == ("deny", "concurrency-exceeded", "running")


def test_a_denial_of_the_default_is_found_as_early_as_it_is_certain() -> None:
    gate = gate_of(CLOSED + "rules: [{id: docs, action: allow, reason: R, when: {host: {is: [docs.test]}}}]")

    assert judge(gate, _ask("https://example.com/")).reason is Reason.DEFAULT
    assert said(judge(gate, _ask("https://docs.test/"))) == ("allow", "allowed-by-rule", "docs")


def test_of_an_unread_tunnel_only_the_outside_is_known() -> None:
    outside = unread(_ask("https://www.bank.test/secret", response_status="200"))

    assert (outside.method, outside.target, outside.headers, outside.request_size) == (UNKNOWN,) * 4
    assert (outside.response_status, outside.scheme, outside.protocol) == (UNKNOWN, UNKNOWN, "tcp")
    assert str(outside.host) == "www.bank.test"
