from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.caching.questions import asked_of, has_questions, is_for_cache, partition, put_questions
from gateway.policy.headers import Fields
from gateway.policy.model import Mode
from tests.adapters.scene import Scene, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from gateway.cache.messages import Asked

type Sets = Callable[..., Scene]


def behind(scene: Sets, head: str, policy: str = "version: 1\nname: open\ndefault: {action: allow}\n") -> HTTPFlow:
    here = scene(mode=Mode.REVERSE, policy=f"{policy}unsafe_destinations: [127.0.0.0/8]\n")
    return here.ask(here.client(), head)


def asked(scene: Sets, *fields: str, line: str = "GET /x HTTP/1.1", host: str = "shop.example") -> Asked:
    flow = behind(scene, "\n".join((line, f"Host: {host}", *fields)))
    return asked_of(judged(flow), flow.request.headers.fields)


@pytest.mark.parametrize(
    ("key", "line", "host"),
    [
        ("http://shop.example/x", "GET /x HTTP/1.1", "shop.example"),
        ("http://shop.example/x", "GET /x HTTP/1.1", "SHOP.example."),
        ("http://shop.example/x", "GET /x HTTP/1.1", "shop.example:80"),
        ("http://shop.example:8080/x", "GET /x HTTP/1.1", "shop.example:8080"),
        ("http://shop.example/x?a=1&b=2", "GET /x?a=1&b=2 HTTP/1.1", "shop.example"),
        ("http://shop.example/x?b=2&a=1", "GET /x?b=2&a=1 HTTP/1.1", "shop.example"),
        ("http://shop.example/x", "GET http://shop.example/x HTTP/1.1", "shop.example"),
        ("http://shop.example/X", "GET /X HTTP/1.1", "shop.example"),
    ],
)
def test_the_key_is_what_was_judged_in_its_one_spelling(scene: Sets, key: str, line: str, host: str) -> None:
    assert asked(scene, line=line, host=host).key == key


@pytest.mark.parametrize(
    "field",
    [
        "Accept: text/html",
        "Accept-Language: de",
        "User-Agent: x",
        "Cookie: a=b",
        "Authorization: Basic x",
        "Cache-Control: no-cache",
        'If-None-Match: "a"',
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-For: 10.9.9.9",
        "Forwarded: host=evil.example",
        "X-Original-URL: /admin",
        "traceparent: 00-1-1-01",
        "X_Odd: 1",
        "Connection: X-Hop",
        'Sec-CH-UA: "Chromium";v="130", "Not?A_Brand";v="99"',
        'Sec-CH-UA-Platform: "Linux"',
    ],
)
def test_what_everybody_sends_and_what_is_not_sent_on_sets_nobody_apart(scene: Sets, field: str) -> None:
    assert asked(scene, field).partition == asked(scene).partition == ""


@pytest.mark.parametrize(
    "field",
    [
        "X-Odd: 1",
        "X-Wap-Profile: https://evil.example",
        "X-Host-Override: evil.example",
        "Origin: https://evil.example",
        "Content-Type: text/plain",
        "User-Agent: <script>",
        'Referer: https://evil.example/" onload=',
        "Accept-Language: '",
        "Sec-CH-UA: <b>",
    ],
)
def test_every_other_field_that_the_origin_sees_sets_its_sender_apart(scene: Sets, field: str) -> None:
    assert asked(scene, field).partition != ""
    assert asked(scene, field).partition == asked(scene, field).partition
    assert asked(scene, field).partition != asked(scene, f"{field}0").partition


def test_what_the_policy_sets_for_some_sets_them_apart_too(scene: Sets) -> None:
    policy = """
version: 1
name: groups
default: {action: allow}
headers:
  - {when: {client.ip: {in: [192.0.2.0/24]}}, request: {set: {X-Group: staff}}}
"""
    flow = behind(scene, "GET /x HTTP/1.1\nHost: shop.example", policy)

    assert flow.request.headers["x-group"] == "staff"
    assert asked_of(judged(flow), flow.request.headers.fields).partition != ""


def test_the_order_of_unusual_fields_makes_no_difference() -> None:
    one, other = [("x-a", "1"), ("x-b", "2")], [("x-b", "2"), ("x-a", "1")]

    assert partition(Fields.of(one)) == partition(Fields.of(other))


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (True, "GET /x HTTP/1.1\nHost: shop.example"),
        (True, "HEAD /x HTTP/1.1\nHost: shop.example"),
        (False, "GET /x HTTP/1.1\nHost: shop.example\nContent-Length: 3"),
        (False, "GET /x HTTP/1.1\nHost: shop.example\nTransfer-Encoding: chunked"),
        (False, 'GET /x HTTP/1.1\nHost: shop.example\nIf-Match: "a"'),
        (False, "GET /x HTTP/1.1\nHost: shop.example\nIf-Unmodified-Since: x"),
    ],
)
def test_a_body_or_a_condition_that_only_the_origin_knows_is_not_for_the_cache(
    scene: Sets, *, wanted: bool, lines: str
) -> None:
    flow = behind(scene, lines)

    assert is_for_cache(judged(flow), asked_of(judged(flow), flow.request.headers.fields)) is wanted


def test_the_questions_of_the_cache_take_the_place_of_the_clients(scene: Sets) -> None:
    flow = behind(
        scene, 'GET /x HTTP/1.1\nHost: shop.example\nIf-None-Match: "mine"\nIf-Modified-Since: x\nAccept: */*'
    )
    assert has_questions(asked_of(judged(flow), flow.request.headers.fields))

    put_questions(flow, ((b"If-None-Match", b'"kept"'),))

    assert flow.request.headers.get_all("if-none-match") == ['"kept"']
    assert "if-modified-since" not in flow.request.headers
    assert flow.request.headers["accept"] == "*/*"
