"""The reverse gateway in front of a careless application: what a backend may rely on."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.shipped import shipped_policy
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import ANSWER, BODY, RecordingOrigin, shop
from tests.e2e.wire import Answer, get

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOMY: Final = shipped_policy("api").read_text("utf-8").replace("rate: 1200/min, burst: 200", "rate: 1000000/min")
HOST: Final = "shop.example"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The shipped policy in front of the quick start application."""
    with (
        shop() as port,
        gateway(tmp_path_factory.mktemp("shop"), reverse=ROOMY, upstreams=[f"http://127.0.0.1:{port}"]) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin) -> Iterator[Gateway]:
    """The same in front of an origin that remembers every byte."""
    upstreams = [f"http://127.0.0.1:{origin.port}"]
    with gateway(tmp_path_factory.mktemp("guard"), reverse=ROOMY, upstreams=upstreams) as running:
        yield running


def _ask(front: Gateway, request: bytes) -> Answer:
    with front.front() as wire:
        return wire.ask(request)


def test_the_front_page_is_served_and_the_administration_is_not(front: Gateway) -> None:
    with front.front() as wire:
        page, admin, item = (wire.ask(get(path, HOST)) for path in ("/", "/admin/users", "/items/1"))

    assert (page.status, json.loads(page.body)["shop"]) == (200, "Wicketgate quick start")
    assert front.decision(admin)["verdict"] == "deny"
    assert admin.verdict == (403, "rule-deny", "no-admin")
    assert (item.status, json.loads(item.body)["name"]) == (200, "a brass padlock")


@pytest.mark.parametrize(
    "path",
    ["/admin", "/%61dmin", "//admin/users", "/items/..;/admin", "/x/../admin", "/admin%2fusers", "/admin;a/users"],
)
def test_the_application_itself_never_shows_its_administration(path: str, front: Gateway) -> None:
    answer = _ask(front, get(path, HOST))

    assert front.decision(answer)["reason"] in {"rule-deny", "malformed-request"}
    assert answer.status in {400, 403}
    assert b"alice" not in answer.body
    assert b"everything is open" not in answer.body


def test_nothing_tells_what_the_application_is_built_with(front: Gateway) -> None:
    answer = _ask(front, get("/", HOST))

    assert (answer.status, answer.get("server"), answer.get("x-powered-by"), answer.get("via")) == (
        200,
        None,
        None,
        None,
    )
    assert answer.get("x-content-type-options") == "nosniff"
    assert answer.get("ratelimit-policy") is not None


def test_guessing_is_told_when_to_come_back(front: Gateway) -> None:
    answers = [_ask(front, get("/login", HOST, method="POST", body=b"{}")) for _ in range(7)]

    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    refused = answers[-1]
    decision = front.decision(refused)
    assert (decision["reason"], decision["rule"]) == ("rate-exceeded", "login-guessing")
    assert 1 <= int(refused.get("retry-after") or 0) <= 60
    assert '"login-guessing";q=5;w=60' in (refused.get("ratelimit-policy") or "")
    assert re.search(r'"login-guessing";r=0;t=\d+', refused.get("ratelimit") or "")
    remaining = re.search(r'"login-guessing";r=(\d+)', answers[0].get("ratelimit") or "")
    assert remaining is not None
    assert remaining[1] == "4"


def test_the_application_hears_who_asks_from_the_gateway_alone(front: Gateway) -> None:
    spoofed = (
        "X-Forwarded-For: 10.9.9.9",
        "X-Forwarded-For: 10.8.8.8, 10.7.7.7",
        "X-Forwarded-Host: admin.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
        "Forwarded: for=10.9.9.9;host=admin.example",
        "X-Real-IP: 10.9.9.9",
        "True-Client-IP: 10.9.9.9",
        "Via: 1.1 liar",
        "X-Request-Id: liar",
        "X_Forwarded_For: 10.9.9.9",
        "X-Internal-Role: root",
        "Wicketgate-Decision: liar",
        "X-Harmless: kept",
    )
    fields = _echoed(_ask(front, get("/echo", HOST, *spoofed)))

    assert fields["x-forwarded-for"] == ["127.0.0.1"]
    assert fields["x-forwarded-host"] == [HOST]
    assert fields["x-forwarded-proto"] == ["http"]
    assert fields["x-forwarded-port"] == ["80"]
    assert fields["forwarded"] == [f'for=127.0.0.1;host="{HOST}";proto=http']
    assert fields["x-harmless"] == ["kept"]
    assert len(fields["x-request-id"]) == len(fields["via"]) == 1
    assert not re.search("liar|10\\.[789]|root|admin", json.dumps(fields))
    assert not {"x-real-ip", "true-client-ip", "x_forwarded_for", "x-internal-role"} & set(fields)


def test_what_belongs_to_one_hop_stays_on_it(front: Gateway) -> None:
    hop = (
        "Connection: keep-alive, X-Hop, X-Forwarded-For, Host",
        "Keep-Alive: timeout=5",
        "X-Hop: gone",
        "TE: trailers, gzip",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Proxy-Connection: keep-alive",
        "Proxy: http://evil.example",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
        "X-End: kept",
    )
    fields = _echoed(_ask(front, get("/echo", HOST, *hop)))

    gone = {
        "keep-alive",
        "x-hop",
        "proxy-authorization",
        "proxy-connection",
        "proxy",
        "upgrade",
        "http2-settings",
    }
    assert not gone & set(fields)
    assert (fields["te"], fields["connection"]) == (["trailers"], ["TE"])  # the gateway's own, for the next hop
    assert fields["x-end"] == ["kept"]
    assert fields["host"] == [HOST]
    assert fields["x-forwarded-for"] == ["127.0.0.1"]


def _echoed(answer: Answer) -> dict[str, list[str]]:
    assert answer.status == 200
    fields: dict[str, list[str]] = {}
    for name, value in json.loads(answer.body)["headers"]:
        fields.setdefault(name, []).append(value)
    return fields


def test_an_answer_shows_nothing_of_the_backend(guard: Gateway, origin: RecordingOrigin) -> None:
    place = f"http://127.0.0.1:{origin.port}"
    told = [
        "Server: uvicorn",
        "X-Powered-By: FastAPI",
        "X-AspNet-Version: 4",
        "Via: 1.1 backend",
        'Alt-Svc: h3=":443"',
        "Wicketgate-Decision: liar",
        "Proxy-Status: liar",
        f"Location: {place}/next",
        "Set-Cookie: a=b; Domain=127.0.0.1; Path=/",
        "Connection: X-Hop",
        "X-Hop: gone",
        "Keep-Alive: timeout=5",
    ]
    head = ANSWER.replace(b"200 OK\r\n", b"302 Found\r\n" + "\r\n".join([*told, ""]).encode())
    origin.answer, kept = head, origin.answer
    try:
        answer = _ask(guard, get("/", HOST))
    finally:
        origin.answer = kept

    assert (answer.status, answer.body, answer.get("location")) == (302, BODY, f"http://{HOST}/next")
    gone = {"server", "x-powered-by", "x-aspnet-version", "via", "alt-svc", "wicketgate-decision", "proxy-status"}
    assert not (gone | {"x-hop", "keep-alive"}) & {name for name, _ in answer.fields}
    assert "127.0.0.1" not in str(answer.fields)


def test_a_backend_that_is_not_there_is_not_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    with RecordingOrigin() as gone:
        port = gone.port
    upstreams = [f"http://127.0.0.1:{port}"]
    with gateway(tmp_path_factory.mktemp("gone"), reverse=ROOMY, upstreams=upstreams) as running:
        answer = _ask(running, get("/", HOST))
        end = running.record(answer.decision, "end")

    assert (answer.status, answer.problem["reason"], end["reason"]) == (502, "upstream-refused", "upstream-refused")
    assert str(port).encode() not in answer.body
    assert b"127.0.0.1:" not in answer.body
