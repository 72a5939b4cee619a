from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import PacSettings
from gateway.pages.home import NAME
from gateway.policy.addresses import Address
from gateway.policy.model import Facts, Mode
from gateway.policy.names import Host
from tests.adapters.scene import ALLOW, NOW, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

NOBODY = "version: 1\nname: shut\ndefault: {action: deny}\n"
ASKED = "GET http://wicketgate.internal/proxy.pac HTTP/1.1\nHost: wicketgate.internal"
PLAIN = "GET /proxy.pac HTTP/1.1\nHost: 127.0.0.1:8080"


@pytest.mark.parametrize(
    "host",
    [
        "wicketgate.internal",
        "WICKETGATE.internal",
        "wicketgate.internal.",
        "wicketgate.internal:80",
        "wicketgate.internal:8080",
    ],
)
@pytest.mark.parametrize("policy", [ALLOW, NOBODY])
def test_every_spelling_of_its_name_is_answered_by_the_gateway_itself(host: str, policy: str, scene: Setter) -> None:
    here = scene(policy=policy, names={})
    flow = here.ask(here.client(), f"GET http://{host}/proxy.pac HTTP/1.1\nHost: {host}")

    assert b"PROXY 127.0.0.1:8080" in (answer_of(flow).content or b"")
    assert list(here.shapes()) == [("decision", "allow", "own-page"), ("end", 200)]


def test_the_records_name_what_was_asked_and_that_nothing_was_dialled(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), ASKED)
    decision, end = here.records()

    assert decision["id"] == end["id"] == answer_of(flow).headers["wicketgate-decision"] == judged(flow).id
    assert (decision["request"]["host"], decision["request"]["path"]) == ("wicketgate.internal", "/proxy.pac")
    assert decision["destination"] is None
    assert decision["policy"]["name"] == "open"
    assert end["bytes"] == {"up": 0, "down": len(answer_of(flow).content or b"")}


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (200, "GET", "/"),
        (200, "GET", "/welcome"),
        (200, "HEAD", "/ca.pem"),
        (200, "GET", "/a/../%70roxy.pac"),
        (200, "GET", "/?x=1"),
        (404, "GET", "/nothing"),
        (404, "POST", "/nothing"),
        (405, "POST", "/"),
        (405, "DELETE", "/ca.pem"),
        (405, "OPTIONS", "/"),
    ],
)
def test_its_pages_can_be_read_and_nothing_else(status: int, method: str, path: str, scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), f"{method} http://wicketgate.internal{path} HTTP/1.1\nHost: wicketgate.internal")

    assert answer_of(flow).status_code == status
    assert answer_of(flow).headers.get("allow") == ("GET, HEAD" if status == 405 else None)
    assert list(here.shapes()) == [("decision", "allow", "own-page"), ("end", status)]


def test_a_head_tells_the_size_and_sends_nothing(scene: Setter) -> None:
    here = scene()
    client = here.client()
    head = here.ask(client, ASKED.replace("GET", "HEAD", 1))
    whole = here.ask(client, ASKED)

    assert answer_of(head).raw_content == b""
    assert answer_of(head).headers["content-length"] == str(len(answer_of(whole).content or b""))
    assert next(each["bytes"]["down"] for each in here.records() if each["event"] == "end") == 0


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("guardrail", "guardrails: [{id: g, reason: R, when: {client.ip: {in: [192.0.2.0/24]}}}]"),
        ("guardrail", "guardrails: [{id: g, reason: R, when: {path: {prefix: [/proxy.pac]}}}]"),
        ("rule-deny", "rules: [{id: r, action: deny, reason: R, when: {host: {under: [internal]}}}]"),
    ],
)
def test_a_guardrail_or_a_rule_that_denies_it_denies_it(reason: str, more: str, scene: Setter) -> None:
    here = scene(policy=f"{ALLOW}{more}\n")

    assert said(here.ask(here.client(), ASKED)) == (403, reason)
    assert list(here.shapes()) == [("decision", "deny", reason), ("end", 403)]


@pytest.mark.parametrize(
    "more",
    [
        "guardrails: [{id: g, reason: R, when: {destination.ip: {in: [10.0.0.0/8]}}}]",
        "guardrails: [{id: g, reason: R, when: {destination.ip: {not_in: [10.0.0.0/8]}}}]",
        "limits: [{id: none, key: [client.ip], rate: 1/h, burst: 1}]",
    ],
)
def test_what_concerns_destinations_or_counts_them_does_not_concern_it(more: str, scene: Setter) -> None:
    here = scene(policy=f"{ALLOW}{more}\n")
    client = here.client()

    assert [answer_of(here.ask(client, ASKED)).status_code for _ in range(3)] == [200, 200, 200]


def test_without_a_log_nothing_is_shown(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.writer.close()

    assert said(here.ask(client, ASKED)) == (503, "audit-unavailable")


def test_no_tunnel_leads_to_its_name_and_the_client_is_told_how_to_ask(scene: Setter) -> None:
    here = scene()
    flow = here.connect(here.client(), "Wicketgate.internal.:443")

    assert said(flow) == (403, "protocol-refused")
    assert b"http://wicketgate.internal/" in (answer_of(flow).content or b"")
    assert list(here.shapes()) == [("decision", "deny", "protocol-refused"), ("end", 403)]


def test_https_without_a_tunnel_is_refused(scene: Setter) -> None:
    here = scene()

    assert said(here.ask(here.client(), ASKED.replace("http://", "https://"))) == (400, "malformed-request")


def test_the_listener_itself_serves_the_same_to_those_that_have_no_proxy_yet(scene: Setter) -> None:
    here = scene()
    client = here.client()
    plain, through = here.ask(client, PLAIN), here.ask(client, ASKED)

    assert answer_of(plain).content == answer_of(through).content
    assert list(here.shapes())[:2] == [("decision", "allow", "own-page"), ("end", 200)]


def test_the_welcome_page_knows_who_came_through_the_proxy(scene: Setter) -> None:
    here = scene()
    client = here.client()
    through = here.ask(client, ASKED.replace("/proxy.pac", "/"))
    plain = here.ask(client, PLAIN.replace("/proxy.pac", "/"))

    assert b"You are connected through this proxy" in (answer_of(through).content or b"")
    assert b"You are connected to the proxy, not through it" in (answer_of(plain).content or b"")


@pytest.mark.parametrize(
    "head",
    [
        "GET /proxy.pac HTTP/1.1\nHost: rebound.example:8080",
        "GET /proxy.pac HTTP/1.1\nHost: 127.0.0.1:8081",
        "GET /proxy.pac HTTP/1.1\nHost: wpad.corp.example",
        "GET /other HTTP/1.1\nHost: 127.0.0.1:8080",
        "POST /proxy.pac HTTP/1.1\nHost: 127.0.0.1:8080",
        "GET /proxy.pac HTTP/1.0",
        "GET /proxy.pac HTTP/1.1\nHost: 127.0.0.1:8080\nHost: evil.example",
    ],
)
def test_everything_else_without_a_destination_stays_refused(head: str, scene: Setter) -> None:
    here = scene()

    assert said(here.ask(here.client(), head)) == (400, "malformed-request")


def test_the_name_that_the_operator_gave_is_known_and_told(scene: Setter) -> None:
    here = scene(pac=PacSettings(proxy=(Host.parse("proxy.corp.example"), 3128)))
    client = here.client()

    for host in ("proxy.corp.example:3128", "127.0.0.1:8080"):
        text = answer_of(here.ask(client, f"GET /proxy.pac HTTP/1.1\nHost: {host}")).content or b""
        assert b"PROXY proxy.corp.example:3128" in text


def test_redirected_clients_read_the_pages_too_and_have_no_proxy_to_configure(scene: Setter) -> None:
    here = scene()
    here.listener.settings = replace(here.listener.settings, entry="transparent")
    client = here.client()
    here.state(client).original = (Address.parse("192.0.2.80"), 80)
    page = here.ask(client, "GET / HTTP/1.1\nHost: wicketgate.internal")
    script = here.ask(client, "GET /proxy.pac HTTP/1.1\nHost: wicketgate.internal")

    assert b"You are connected through this proxy" in (answer_of(page).content or b"")
    assert (answer_of(page).status_code, answer_of(script).status_code) == (200, 404)


def test_a_tunnel_that_is_not_opened_leads_nowhere_either(scene: Setter) -> None:
    """No layer asks for it in a CONNECT, which is refused before; other entries open tunnels in their own way."""
    here = scene()
    client = here.client()
    state = here.state(client)
    facts = Facts(now=NOW, client_ip=state.peer, host=NAME, port=443, connect=True)
    state.enter_tunnel(here.connections.begin(state, facts))

    assert asyncio.run(here.admission.raw(state)) == "refuse"
    assert list(here.shapes()) == [("decision", "deny", "protocol-refused"), ("end", None)]


def test_a_reverse_gateway_has_no_page_of_its_own(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), "GET /proxy.pac HTTP/1.1\nHost: wicketgate.internal")

    assert flow.response is None
    assert (flow.request.host, flow.request.port) == ("127.0.0.1", 8000)


def test_a_policy_that_hides_its_rules_hides_its_name(scene: Setter) -> None:
    asked = ASKED.replace("/proxy.pac", "/")
    shown, hidden = scene(), scene(policy=f"{ALLOW}show_rules: false\n")

    assert b">open<" in (answer_of(shown.ask(shown.client(), asked)).content or b"")
    assert b">open<" not in (answer_of(hidden.ask(hidden.client(), asked)).content or b"")


def test_the_connection_stays_open_unless_the_client_leaves(scene: Setter) -> None:
    here = scene()
    client = here.client()

    assert "connection" not in answer_of(here.ask(client, ASKED)).headers
    assert answer_of(here.ask(client, f"{ASKED}\nConnection: close")).headers["connection"] == "close"
