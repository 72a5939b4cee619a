from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.net.http import http1

from addons.judging.exchange import exchange_of
from gateway.policy.model import Mode
from tests.adapters.scene import ALLOW, PSEUDONYM

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow, Response

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

PLAIN = "GET http://site.example/a HTTP/1.1\nHost: site.example"
BEHIND = "GET /a HTTP/1.1\nHost: shop.example"
EDITS = ALLOW + (
    "headers: [{request: {remove: [Cookie], set: {X-User: gateway}},"
    " response: {remove: [X-Debug], set: {X-Frame-Options: DENY}}}]\n"
)


def sent(flow: HTTPFlow) -> dict[str, str]:
    """The fields of a request as they go out."""
    assert flow.response is None
    return {name.decode(): value.decode() for name, value in flow.request.headers.fields}


def received(scene: Scene, flow: HTTPFlow, *fields: str, version: str = "HTTP/1.1") -> Response:
    """What the client gets of an upstream's answer with these fields."""
    head = [f"{version} 200 OK", "Content-Length: 0", *fields]
    return scene.answer(flow, http1.read_response_head([line.encode() for line in head]))


def test_a_backend_is_told_who_asked_for_what_and_by_nobody_but_the_gateway(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(
        here.client("2001:db8::9"),
        f"{BEHIND}:8081\nX-Forwarded-For: 127.0.0.1\nX_Forwarded_For: 127.0.0.1\n"
        "Forwarded: for=127.0.0.1\nX-Real-IP: ::1",
    )
    exchange = exchange_of(flow)
    assert exchange is not None

    assert sent(flow) == {
        "Host": "shop.example:8081",
        "X-Forwarded-For": "2001:db8::9",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "shop.example:8081",
        "X-Forwarded-Port": "8081",
        "Forwarded": 'for="[2001:db8::9]";host="shop.example:8081";proto=http',
        "Via": f"1.1 {PSEUDONYM}",
        "X-Request-Id": exchange.id,
    }


def test_a_forward_proxy_adds_itself_to_via_and_nothing_about_its_client(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), f"{PLAIN}\nVia: 1.0 fred\nProxy-Authorization: Basic c2VjcmV0\nProxy-Connection: x")

    assert flow.request.headers.fields == (
        (b"Host", b"site.example"),
        (b"Via", b"1.0 fred"),
        (b"Via", f"1.1 {PSEUDONYM}".encode()),
    )


@pytest.mark.parametrize("named", ["", "\nConnection: X-User, Cookie"])
def test_the_policy_has_the_last_word_on_fields_and_connection_cannot_undo_it(named: str, scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, policy=EDITS)
    fields = sent(here.ask(here.client(), f"{BEHIND}\nX-User: admin\nx_user: admin\nCookie: a=1{named}"))

    assert [value for name, value in fields.items() if name.lower() == "x-user"] == ["gateway"]
    assert "x_user" not in fields
    assert "Cookie" not in fields


def test_nothing_is_added_to_a_refused_request(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), "GET http://127.0.0.1/ HTTP/1.1\nHost: 127.0.0.1")

    assert flow.response is not None
    assert flow.request.headers.fields == ((b"Host", b"127.0.0.1"),)


def test_answers_of_a_backend_do_not_name_it(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    answer = received(
        here,
        here.ask(here.client(), BEHIND),
        "Server: uvicorn",
        "Via: 1.1 inner",
        "Location: http://127.0.0.1:8000/login",
        "Set-Cookie: id=1; Domain=127.0.0.1; Path=/",
        "Set-Cookie: lang=de",
    )

    assert b"127.0.0.1" not in bytes(answer.headers)
    assert answer.headers["location"] == "http://shop.example/login"
    assert answer.headers.get_all("set-cookie") == ["id=1; Path=/", "lang=de"]
    assert {"server", "via"} & {name.lower() for name in answer.headers} == set()


def test_the_policy_edits_answers(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, policy=EDITS)
    answer = received(here, here.ask(here.client(), BEHIND), "X-Debug: 1", "X-Frame-Options: ALLOWALL")

    assert "x-debug" not in answer.headers
    assert answer.headers.get_all("x-frame-options") == ["DENY"]


def test_an_allowed_client_is_told_where_it_stands_with_its_limits(scene: Setter) -> None:
    here = scene(
        mode=Mode.REVERSE,
        policy=f"{ALLOW}limits:\n  - {{id: per-client, key: [client.ip], rate: 600/min, burst: 10}}\n",
    )
    answer = received(here, here.ask(here.client(), BEHIND), "RateLimit-Reset: 1")

    assert answer.headers["ratelimit-policy"] == '"per-client";q=600;w=60'
    assert answer.headers["ratelimit"].startswith('"per-client";r=9;t=')


@pytest.mark.parametrize(
    ("close", "request_fields"), [(True, "\nConnection: close"), (False, "\nConnection: keep-alive"), (False, "")]
)
def test_a_client_that_asks_to_close_is_closed(*, close: bool, request_fields: str, scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), BEHIND + request_fields)
    answer = received(here, flow)

    assert close is ("connection" in answer.headers)
    assert "connection" not in flow.request.headers


@pytest.mark.parametrize(("version", "fields"), [("HTTP/1.1", ("Connection: close",)), ("HTTP/1.0", ())])
def test_the_layer_below_still_sees_that_the_upstream_will_close(
    version: str, fields: tuple[str, ...], scene: Setter
) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), BEHIND)
    upstream = http1.read_response_head([line.encode() for line in (f"{version} 200 OK", "Content-Length: 0", *fields)])
    answer = here.answer(flow, upstream)

    assert "connection" not in answer.headers
    assert (upstream.http_version, upstream.headers.get("connection")) == (version, "close" if fields else None)


HANDSHAKE = f"{BEHIND}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: eA==\nSec-WebSocket-Version: 13"


def test_a_websocket_keeps_its_handshake_in_both_directions(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), HANDSHAKE)
    head = b"HTTP/1.1 101 Switching", b"Connection: upgrade", b"Upgrade: WebSocket", b"Sec-WebSocket-Accept: x"
    answer = here.answer(flow, http1.read_response_head(list(head)))

    assert flow.request.headers["upgrade"] == "websocket"
    assert answer.status_code == 101
    assert (answer.headers["connection"], answer.headers["upgrade"]) == ("Upgrade", "websocket")
    assert answer.headers["sec-websocket-accept"] == "x"


@pytest.mark.parametrize("wish", ["", "\nTE: trailers\nConnection: TE"])
@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.REVERSE])
def test_an_upstream_is_told_that_trailers_are_wanted_on_its_own_hop(mode: Mode, wish: str, scene: Setter) -> None:
    here = scene(mode=mode)
    said = sent(here.ask(here.client(), (PLAIN if mode is Mode.FORWARD else BEHIND) + wish))

    assert (said.get("TE"), said.get("Connection")) == (("trailers", "TE") if wish else (None, None))


def test_a_websocket_wants_no_trailers(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)

    assert "TE" not in sent(here.ask(here.client(), f"{HANDSHAKE}\nTE: trailers"))


@pytest.mark.parametrize(
    ("wanted", "length"), [("keep-alive", b"Content-Length: 5"), ("close", b"X-A: b")], ids=["a length", "none"]
)
def test_a_client_of_http_1_0_is_told_whether_it_keeps_its_connection(
    wanted: str, length: bytes, scene: Setter
) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), "GET / HTTP/1.0\nHost: shop.example\nConnection: keep-alive")

    answer = here.answer(flow, http1.read_response_head([b"HTTP/1.0 200 OK", length]))

    assert (answer.headers["connection"], answer.http_version) == (wanted, "HTTP/1.1")


def test_a_client_of_http_1_0_gets_no_chunks(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), "GET / HTTP/1.0\nHost: shop.example\nConnection: keep-alive")
    upstream = http1.read_response_head([b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked"])
    answer = here.answer(flow, upstream)

    assert "transfer-encoding" not in answer.headers
    assert answer.headers["connection"] == "close"
    assert upstream.headers["transfer-encoding"] == "chunked"  # by which the layer reads


def test_a_message_of_a_request_that_nobody_judged_is_an_error(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.flow(here.client(), BEHIND)
    flow.response = http1.read_response_head([b"HTTP/1.1 200 OK"])

    for hook in (here.keeper.requestheaders, here.keeper.responseheaders, here.admission.responseheaders):
        with pytest.raises(LookupError, match="never judged"):
            hook(flow)
