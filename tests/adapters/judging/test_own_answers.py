from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import HostMatch, RouteSettings
from gateway.policy.model import Mode
from gateway.policy.names import Host
from gateway.upstreams.answers import FixedResponse, Redirect
from tests.adapters.scene import ALLOW, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

REDIRECT = RouteSettings(answer=Redirect.to("https://shop.example"), prefixes=("/old",), put_prefix="/new")
NOON = RouteSettings(answer=FixedResponse(503, b"Back at noon", "text/plain"), exact=("/noon",), prefixes=())
EMPTY = RouteSettings(answer=FixedResponse(204), exact=("/empty",), prefixes=())
DENYING = """version: 1
name: strict
default: {action: allow}
rules:
  - {id: no-secret, action: deny, reason: Closed, when: {path: {prefix: [/old/secret]}}}
  - {id: no-noon, action: deny, reason: Never, when: {response.status: [503]}}
  - {id: no-movers, action: deny, reason: Stay, when: {path: {is: [/old/far]}, response.type: [text/html]}}
headers:
  - {id: safe, response: {set: {X-Content-Type-Options: nosniff}}}
limits:
  - {id: slow, key: [client.ip], rate: 2/min, burst: 2}
"""


def asked(scene: Scene, line: str, *fields: str) -> HTTPFlow:
    return scene.ask(scene.client(), "\n".join((f"{line} HTTP/1.1", "Host: shop.test", *fields)))


def gateway(scene: Setter, policy: str = ALLOW) -> Scene:
    return scene(mode=Mode.REVERSE, routes=(REDIRECT, NOON, EMPTY), policy=policy)


def test_a_redirect_is_judged_recorded_and_never_dialled(scene: Setter) -> None:
    here = gateway(scene)
    flow = asked(here, "GET /old/items/7?a=b%0a")
    answer = answer_of(flow)

    assert (answer.status_code, answer.headers["location"]) == (308, "https://shop.example/new/items/7?a=b%0A")
    assert (answer.headers["content-length"], answer.content) == ("0", b"")
    assert answer.headers["date"] == "Mon, 23 Nov 2026 10:00:00 GMT"
    assert answer.headers["wicketgate-decision"] == judged(flow).id
    assert (judged(flow).endpoint, judged(flow).judged, judged(flow).ended) == (None, (), True)
    decision, end = here.records()
    assert (decision["decision"]["verdict"], decision["decision"]["reason"]) == ("allow", "allowed-by-default")
    assert (decision["answers"], decision["destination"], decision["request"]["path"]) == (
        "redirect",
        None,
        "/old/items/7",
    )
    assert (end["status"], end["bytes"], end["destination"]) == (308, {"up": 0, "down": 0}, None)
    assert end["response"] == {"type": None}


@pytest.mark.parametrize(("body", "method"), [(b"Back at noon", "GET"), (b"Back at noon", "POST"), (b"", "HEAD")])
def test_a_fixed_response_is_given_to_every_method(body: bytes, method: str, scene: Setter) -> None:
    here = gateway(scene)
    answer = answer_of(asked(here, f"{method} /noon"))

    assert (answer.status_code, answer.headers["content-type"], answer.raw_content) == (503, "text/plain", body)
    assert answer.headers["content-length"] == "12"
    decision, end = here.records()
    assert (decision["answers"], end["response"]) == ("response", {"type": "text/plain"})


def test_an_answer_without_a_body_states_no_length(scene: Setter) -> None:
    answer = answer_of(asked(gateway(scene), "GET /empty", "Connection: close"))

    assert (answer.status_code, answer.raw_content) == (204, b"")
    assert "content-length" not in answer.headers
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("status", "reason", "rule", "line"),
    [(403, "rule-deny", "no-secret", "GET /old/secret/x"), (403, "rule-deny", "no-noon", "GET /noon")],
)
def test_the_gate_has_the_last_word_on_the_request_and_on_the_answer(
    status: int, reason: str, rule: str, line: str, scene: Setter
) -> None:
    here = gateway(scene, DENYING)
    flow = asked(here, line)

    assert said(flow) == (status, reason)
    assert json.loads(answer_of(flow).content or b"")["rule"] == rule
    (decision, end) = here.records()
    assert "answers" not in decision
    assert ("response" in end) is (rule == "no-noon")


def test_what_the_policy_wants_of_answers_is_done_and_limits_are_charged(scene: Setter) -> None:
    here = gateway(scene, DENYING)
    client = here.client()
    answers = [answer_of(here.ask(client, "GET /old/far HTTP/1.1\nHost: shop.test")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [308, 308, 429]
    assert [answers[0].headers[name] for name in ("x-content-type-options", "ratelimit-policy")] == [
        "nosniff",
        '"slow";q=2;w=60',
    ]


def test_what_cannot_be_recorded_is_not_answered(scene: Setter) -> None:
    here = gateway(scene)
    here.writer.close()

    assert said(asked(here, "GET /old/x")) == (503, "audit-unavailable")


def test_a_route_by_host_leads_to_the_configured_place_whatever_the_host_says(scene: Setter) -> None:
    old = RouteSettings(answer=Redirect.to("https://shop.example"), hosts=HostMatch("under", (Host.parse("old.test"),)))
    here = scene(mode=Mode.REVERSE, routes=(old,))
    flow = here.ask(here.client(), "GET /x HTTP/1.1\nHost: EVIL.old.test.:8081")

    assert answer_of(flow).headers["location"] == "https://shop.example/x"


def test_options_of_the_whole_server_is_led_to_the_root(scene: Setter) -> None:
    everywhere = RouteSettings(answer=Redirect.to("https://shop.example"))

    assert answer_of(asked(scene(mode=Mode.REVERSE, routes=(everywhere,)), "OPTIONS *")).headers["location"] == (
        "https://shop.example/"
    )


CROWDED = DENYING.replace("rate: 2/min, burst: 2", "concurrent: 1")


@pytest.mark.parametrize(("status", "path"), [(308, "/old/x"), (403, "/noon"), (204, "/empty")])
def test_a_place_under_a_limit_is_given_back_with_the_answer(status: int, path: str, scene: Setter) -> None:
    here = gateway(scene, CROWDED)
    client = here.client()
    answers = [answer_of(here.ask(client, f"GET {path} HTTP/1.1\nHost: shop.test")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status] * 3
