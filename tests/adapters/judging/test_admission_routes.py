from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Response

from gateway.config.settings import RouteSettings
from gateway.policy.model import Mode
from tests.adapters.scene import ALLOW, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

ROUTES = (
    RouteSettings(upstream="app", prefixes=("/api",), strip_prefix="/api", encoded_slash="allow"),
    RouteSettings(upstream="app", prefixes=("/legacy",), put_prefix="/app/v1"),
    RouteSettings(upstream="app", prefixes=("/plain",)),
)
NO_ADMIN = ALLOW + (
    "rules:\n"
    "  - {id: no-admin, action: deny, reason: Closed, when: {path: {prefix: [/admin]}}}\n"
    "  - {id: no-v1, action: deny, reason: Closed, when: {path: {prefix: [/app/v1/users]}}}\n"
    "  - {id: no-keys, action: deny, reason: Closed, when: {path: {prefix: [/api/keys]}}}\n"
)
ONLY_API = """version: 1
name: closed
default: {action: deny}
rules: [{id: api, action: allow, reason: Open, when: {path: {prefix: [/api]}}}]
"""


def ask(scene: Setter, target: str, policy: str = ALLOW) -> tuple[Scene, HTTPFlow]:
    here = scene(mode=Mode.REVERSE, routes=ROUTES, policy=policy)
    return here, here.ask(here.client(), f"GET {target} HTTP/1.1\nHost: shop.test")


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("/items/7?a=b", "/api/items/7?a=b"),
        ("/?", "/api?"),
        ("/a%2Fb", "/api/a%2fb"),
        ("/app/v1/x", "/legacy/x"),
    ],
)
def test_another_path_is_sent_than_the_one_that_was_judged(sent: str, asked: str, scene: Setter) -> None:
    here, flow = ask(scene, asked)

    assert flow.response is None
    assert flow.request.path == sent
    (decision,) = here.records()
    assert decision["request"]["path"] == asked.partition("?")[0].replace("%2f", "%2F")
    assert decision["request"]["sent"] == sent.partition("?")[0]


def test_a_path_that_is_sent_as_it_was_judged_is_recorded_once(scene: Setter) -> None:
    here, flow = ask(scene, "/plain/x")

    assert flow.request.path == "/plain/x"
    assert "sent" not in here.records()[0]["request"]


@pytest.mark.parametrize(
    ("status", "reason", "asked"),
    [
        # what the application calls its administration is closed under every name that leads there
        (403, "rule-deny", "/api/admin/users"),
        (403, "rule-deny", "/api/%2561dmin"),
        (403, "rule-deny", "/api/admin%2fusers"),
        (403, "rule-deny", "/legacy/users"),
        (403, "rule-deny", "/api/keys"),
        (403, "rule-deny", "/api/keys%2f1"),
        (403, "rule-deny", "/api/ke%2579s"),
        (400, "malformed-request", "/plain/a%2fb"),
        (400, "malformed-request", "/plain/a%5cb"),
        (400, "malformed-request", "/api/x%2f..%2f..%2fadmin"),
    ],
)
def test_a_deny_looks_at_what_was_asked_and_at_what_would_be_sent(
    status: int, reason: str, asked: str, scene: Setter
) -> None:
    assert said(ask(scene, asked, NO_ADMIN)[1]) == (status, reason)


def test_an_allow_looks_at_what_was_asked_alone(scene: Setter) -> None:
    assert ask(scene, "/api/items", ONLY_API)[1].response is None
    assert said(ask(scene, "/legacy/api", ONLY_API)[1]) == (403, "default")


def test_what_the_upstream_names_comes_back_under_the_paths_of_the_client(scene: Setter) -> None:
    here, flow = ask(scene, "/api/items")
    fields = ((b"Location", b"http://127.0.0.1:8000/items/7"), (b"Set-Cookie", b"a=1; Path=/"))
    answer = here.answer(flow, Response.make(201, b"", fields))

    assert answer.headers["location"] == "http://shop.test/api/items/7"
    assert answer.headers["set-cookie"] == "a=1; Path=/api"


def test_a_server_that_joined_later_is_hidden_as_well(scene: Setter) -> None:
    here, flow = ask(scene, "/api/items")
    judged(flow).endpoint = ("10.0.0.9", 8009)
    answer = here.answer(flow, Response.make(201, b"", ((b"Location", b"http://10.0.0.9:8009/items/7"),)))

    assert answer.headers["location"] == "http://shop.test/api/items/7"
