from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, override

import pytest

from addons.judging import refusals
from addons.judging.exchange import attach
from addons.judging.refusals import STATUSES, Refusal, refusal
from addons.judging.translate import connection_facts
from gateway.policy.limits import LimitState
from gateway.policy.model import ALLOWING, Decision, Reason, Verdict, refuse
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target
from tests.adapters.scene import ALLOW, NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
BY_RULE = Decision(verdict=Verdict.DENY, reason=Reason.RULE_DENY, rule="no-ads", message="Advertising")


def exchange_in(scene: Scene, fields: str = "", method: str = "GET") -> tuple[Exchange, HTTPFlow]:
    """A request in the middle of being refused."""
    client = scene.client()
    state = scene.state(client)
    facts = replace(
        connection_facts(state, NOW),
        scheme="http",
        host=Host.parse("ads.example"),
        port=80,
        target=Target.parse("/x?token=s3cret", FORWARD_RULES),
    )
    exchange = scene.connections.begin(state, facts)
    flow = scene.flow(client, f"{method} http://ads.example/x?token=s3cret HTTP/1.1\nHost: ads.example{fields}")
    attach(flow, exchange)
    return exchange, flow


def test_every_reason_to_refuse_has_a_status_and_no_reason_to_allow_has_one() -> None:
    assert set(Reason) - ALLOWING == set(STATUSES)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, Reason.GUARDRAIL),
        (403, Reason.RULE_DENY),
        (403, Reason.DEFAULT),
        (407, Reason.IDENTITY_REQUIRED),
        (429, Reason.RATE_EXCEEDED),
        (429, Reason.CONCURRENCY_EXCEEDED),
        (400, Reason.MALFORMED_REQUEST),
        (421, Reason.NAME_MISMATCH),
        (413, Reason.BODY_TOO_LARGE),
        (414, Reason.TARGET_TOO_LONG),
        (431, Reason.HEAD_TOO_LARGE),
        (408, Reason.HEAD_TIMEOUT),
        (502, Reason.UPSTREAM_UNRESOLVED),
        (502, Reason.UPSTREAM_UNTRUSTED),
        (503, Reason.AUDIT_UNAVAILABLE),
        (503, Reason.CAPACITY),
        (504, Reason.UPSTREAM_TIMEOUT),
    ],
)
def test_the_statuses_are_the_published_ones(status: int, reason: Reason, scene: Setter) -> None:
    exchange, flow = exchange_in(scene())

    assert refusals.for_request(exchange, flow, refusal(reason)).status_code == status


def test_every_refusal_names_its_decision_and_is_never_stored(scene: Setter) -> None:
    exchange, flow = exchange_in(scene())
    for reason in STATUSES:
        answer = refusals.for_request(exchange, flow, refusal(reason))
        assert answer.headers["wicketgate-decision"] == exchange.id
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["proxy-status"].startswith("wicketgate; error=")
        assert answer.headers["content-length"] == str(len(answer.content or b""))


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        ("text/html; charset=utf-8", f"\nAccept: {BROWSER}"),
        ("text/html; charset=utf-8", "\nAccept: */*;q=0.1, TEXT/HTML; charset=utf-8"),
        ("application/problem+json", "\nAccept: text/html;q=0, */*"),
        ("application/problem+json", "\nAccept: */*"),
        ("application/problem+json", "\nAccept: application/json"),
        ("application/problem+json", ""),
    ],
)
def test_browsers_get_a_page_and_programs_get_problem_details(kind: str, accept: str, scene: Setter) -> None:
    exchange, flow = exchange_in(scene(), accept)

    assert kind == refusals.for_request(exchange, flow, Refusal(BY_RULE)).headers["content-type"]


def test_problem_details_say_what_why_and_whom_to_ask(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(contact="proxy@corp.example"))

    assert json.loads(refusals.for_request(exchange, flow, Refusal(BY_RULE)).content or b"") == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "Advertising",
        "decision": exchange.id,
        "reason": "rule-deny",
        "rule": "no-ads",
        "contact": "proxy@corp.example",
    }


def test_a_policy_can_keep_its_rules_to_itself(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(policy=f"{ALLOW}show_rules: false\n"), f"\nAccept: {BROWSER}")
    answer = refusals.for_request(exchange, flow, Refusal(BY_RULE))

    assert b"no-ads" not in (answer.content or b"")
    assert b"no-ads" not in bytes(answer.headers)


class Page(HTMLParser):
    """What a browser would fetch or run of a page, and the text it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.references: list[str] = []
        self.text = ""
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.references += [name for name, _ in attrs if name in {"src", "href", "action", "style"} or name[:2] == "on"]

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_fetches_nothing_and_shows_what_came_from_outside_as_text(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(contact="<b>me</b>"), f"\nAccept: {BROWSER}")
    evil = refuse(Reason.MALFORMED_REQUEST, '"><script>alert(1)</script><img src=x onerror=alert(2)>')
    answer = refusals.for_request(exchange, flow, Refusal(evil))
    page = Page((answer.content or b"").decode())

    assert {"script", "img", "b", "link", "iframe"} & page.elements == set()
    assert page.references == []
    assert "<script>alert(1)</script>" in page.text
    assert "<b>me</b>" in page.text
    assert "http://ads.example/x" in page.text
    assert "s3cret" not in page.text


def test_the_page_allows_its_own_style_and_nothing_else(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(), f"\nAccept: {BROWSER}")
    policy = refusals.for_request(exchange, flow, Refusal(BY_RULE)).headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert directives.pop("style-src").startswith("'sha256-")
    assert set(directives.values()) == {"'none'"}
    assert {"default-src", "base-uri", "form-action", "frame-ancestors"} == set(directives)


@pytest.mark.parametrize("reason", [Reason.INTERNAL_ERROR, Reason.UPSTREAM_BROKEN, Reason.UPSTREAM_REFUSED])
def test_what_went_wrong_inside_stays_inside(reason: Reason, scene: Setter) -> None:
    exchange, flow = exchange_in(scene(), f"\nAccept: {BROWSER}")
    answer = refusals.for_request(exchange, flow, refusal(reason, "connect to 10.0.0.5:8000 failed"))

    assert b"10.0.0.5" not in (answer.content or b"")


def test_the_answer_to_head_has_no_body(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(), method="HEAD")
    answer = refusals.for_request(exchange, flow, Refusal(BY_RULE))

    assert (answer.status_code, answer.raw_content, answer.headers["content-length"]) == (403, b"", "0")


def test_limits_are_told_to_refused_clients(scene: Setter) -> None:
    exchange, flow = exchange_in(scene())
    state = LimitState(id="per-client", quota=600, window=60.0, remaining=0, reset=29.2)
    limited = Decision(
        verdict=Verdict.DENY, reason=Reason.RATE_EXCEEDED, rule="per-client", retry_after=0.2, limits=(state,)
    )
    answer = refusals.for_request(exchange, flow, Refusal(limited))

    assert answer.headers["retry-after"] == "1"
    assert answer.headers["ratelimit-policy"] == '"per-client";q=600;w=60'
    assert answer.headers["ratelimit"] == '"per-client";r=0;t=30'


def test_a_refused_connect_ends_its_connection(scene: Setter) -> None:
    exchange, flow = exchange_in(scene())

    assert refusals.for_connect(exchange, flow, Refusal(BY_RULE)).headers["connection"] == "close"
    assert "connection" not in refusals.for_request(exchange, flow, Refusal(BY_RULE)).headers
    assert refusals.for_request(exchange, flow, refusal(Reason.MALFORMED_REQUEST)).headers["connection"] == "close"


def test_identity_is_asked_for_with_a_challenge(scene: Setter) -> None:
    exchange, flow = exchange_in(scene())
    answer = refusals.for_request(exchange, flow, refusal(Reason.IDENTITY_REQUIRED))

    assert (answer.status_code, answer.headers["proxy-authenticate"][:5]) == (407, "Basic")


def test_an_upstream_error_is_told_in_the_words_of_the_gateway(scene: Setter) -> None:
    exchange, flow = exchange_in(scene())
    exchange.outcome = refuse(Reason.UPSTREAM_TIMEOUT)
    answer = refusals.for_upstream_error(flow, "[Errno 111] Connect call failed ('10.0.0.5', 8000)")

    assert answer.status_code == 504
    assert answer.headers["proxy-status"] == 'wicketgate; error=connection_timeout; details="upstream-timeout"'
    assert b"10.0.0.5" not in (answer.content or b"")


def test_an_upstream_error_of_a_request_that_nobody_judged_is_an_error(scene: Setter) -> None:
    _, flow = exchange_in(scene())
    flow.metadata.clear()

    with pytest.raises(LookupError, match="never judged"):
        refusals.for_upstream_error(flow, "")


def test_what_looks_like_a_credential_is_not_shown_to_whoever_looks_over_a_shoulder(scene: Setter) -> None:
    exchange, flow = exchange_in(scene(), f"\nAccept: {BROWSER}")
    token = "ghp_" + "a1B2" * 9
    exchange.facts = replace(exchange.facts, target=Target.parse(f"/reset/{token}", FORWARD_RULES))

    answer = refusals.for_request(exchange, flow, refusal(Reason.NOT_CANONICAL, f"path `/{token}`: no"))

    assert token not in (answer.text or "")
    assert "REDACTED" in (answer.text or "")
