"""What somebody might do to choose what others are given, and what he could be given that was made for others.

The origin of these tests is as careless as one can be: it shows whatever it was sent, lets everybody keep it, and says
nothing of Vary.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.e2e.cached import HOST, Shop, shop
from tests.e2e.wire import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

EVIL: Final = "evil.example"

FIELDS: Final = [
    f"X-Forwarded-Host: {EVIL}",
    f"X-Forwarded-For: {EVIL}",
    f"X-Forwarded-Proto: {EVIL}",
    f"X-Forwarded-Scheme: {EVIL}",
    f"X-Forwarded-Port: {EVIL}",
    f"X-Forwarded-Prefix: /{EVIL}",
    f"X-Forwarded-Server: {EVIL}",
    f"X-Forwarded-Path: /{EVIL}",
    f"X-Forwarded: host={EVIL}",
    f"Forwarded: host={EVIL}",
    f"X-Host: {EVIL}",
    f"X-HTTP-Host-Override: {EVIL}",
    f"X-Original-Host: {EVIL}",
    f"X-Original-URL: /{EVIL}",
    f"X-Rewrite-URL: /{EVIL}",
    f"X-Real-IP: {EVIL}",
    f"X-Client-IP: {EVIL}",
    f"True-Client-IP: {EVIL}",
    f"X-HTTP-Method-Override: {EVIL}",
    f"X-Method-Override: {EVIL}",
    f"X-Request-Id: {EVIL}",
    f"Via: 1.1 {EVIL}",
    f"Origin: https://{EVIL}",
    f"Content-Type: text/{EVIL}",
    f"Accept-CH: {EVIL}",
    f"Base-Url: https://{EVIL}",
    f"X-Wap-Profile: https://{EVIL}",
    f"X-Custom: {EVIL}",
    f"X_Forwarded_Host: {EVIL}",
    f"X.Forwarded.Host: {EVIL}",
    f"Proxy: https://{EVIL}",
    f"Wicketgate-Decision: {EVIL}",
    f"Connection: {EVIL}",
    f"Keep-Alive: {EVIL}",
    f"Upgrade: {EVIL}",
    f"TE: {EVIL}",
    f"Surrogate-Capability: {EVIL}",
    f"Max-Forwards: 1\r\nX-Odd: {EVIL}",
    f"Cookie: who={EVIL}",
    f"Authorization: Basic {EVIL}",
    f"User-Agent: <script src=//{EVIL}>",
    f'Referer: https://{EVIL}/" onload="x',
    f"Accept-Language: '>{EVIL}",
    f"Sec-CH-UA: <{EVIL}>",
    f"Sec-Fetch-Dest: `{EVIL}`",
]
"""Fields by which caches were made to give one client's answer to everybody."""


def showing(request: bytes) -> bytes:
    """An answer for everybody that shows all that was asked."""
    body = b"" if request.startswith(b"HEAD") else request
    return b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % len(request) + body


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop"), showing) as opened:
        yield opened


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: re.sub(r"\W+", "-", field.partition(":")[0]).lower())
def test_no_field_of_one_client_chooses_what_another_one_is_given(front: Shop, field: str) -> None:
    path = f"/{FIELDS.index(field)}"
    first = front.ask(path, *field.split("\r\n"))
    second, third = front.asks(path)

    assert (first.status, second.status) == (200, 200)
    assert EVIL.encode() not in second.body
    assert third.body == second.body


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: re.sub(r"\W+", "-", field.partition(":")[0]).lower())
def test_what_is_shown_back_is_still_kept_for_nobody_but_its_sender(front: Shop, field: str) -> None:
    path = f"/again/{FIELDS.index(field)}"
    plain = front.ask(path)
    odd = front.ask(path, *field.split("\r\n"))

    assert EVIL.encode() not in plain.body
    assert front.ask(path).body == plain.body
    assert odd.status == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a?x=1", "/a?x=2"),
        ("/a?x=1&y=2", "/a?y=2&x=1"),
        ("/a?", "/a"),
        ("/a/", "/a"),
        ("/A", "/a"),
        ("/a;v=1", "/a;v=2"),
        ("/a?x", "/a?x="),
        ("/a?utm_content=1", "/a"),
        ("/a%2Cb", "/a,b"),
    ],
)
def test_two_targets_that_an_origin_may_tell_apart_are_two(front: Shop, one: str, other: str) -> None:
    first, second = front.ask(f"/targets{one}"), front.ask(f"/targets{other}")

    assert (first.status, second.status) == (200, 200)
    assert first.body.split(b" ")[1] == f"/targets{one}".encode()
    assert second.body.split(b" ")[1] == f"/targets{other}".encode()


@pytest.mark.parametrize("other", [f"{HOST}:8080", "other.example", "shop.example.evil.example"])
def test_another_host_is_given_nothing_of_this_one(front: Shop, other: str) -> None:
    path = f"/hosts/{other}"
    front.ask(path)

    assert f"Host: {other}\r\n".encode() in front.ask(path, host=other).body


@pytest.mark.parametrize("host", ["SHOP.example", "shop.example.", "shop.example:80"])
def test_one_host_in_many_spellings_is_one(front: Shop, host: str) -> None:
    path = f"/spellings/{host.encode().hex()}"
    front.ask(path, host=host)

    assert "hit" in (front.ask(path).get("cache-status") or "")


def test_a_body_that_came_with_get_chooses_nothing(front: Shop) -> None:
    with connect(front.gateway.reverse) as wire:
        request = f"GET /fat HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(EVIL)}\r\nConnection: close\r\n\r\n{EVIL}"
        fat = wire.ask(request.encode())

    assert EVIL.encode() in fat.body
    assert EVIL.encode() not in front.ask("/fat").body


def test_an_answer_of_an_attacked_origin_that_points_elsewhere_is_kept_for_its_asker_alone(front: Shop) -> None:
    with connect(front.gateway.reverse) as wire:
        wire.ask(f"GET http://{HOST}/absolute HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())

    assert f"GET /absolute HTTP/1.1\r\nHost: {HOST}\r\n".encode() in front.ask("/absolute").body


WHO: Final = st.sampled_from(
    ["", "Cookie: who=alice", "Cookie: who=bob", "Authorization: Basic alice", "Authorization: Basic bob"]
)
SAYS: Final = st.sampled_from(
    [
        "max-age=60",
        "max-age=0",
        "no-cache",
        "max-age=0, stale-while-revalidate=60",
        "max-age=0, stale-if-error=60",
        "max-age=60, must-revalidate",
        "private, max-age=60",
        "",
    ]
)
ASKS: Final = st.sampled_from(["", "Cache-Control: no-cache", "Cache-Control: max-stale", 'If-None-Match: "1"'])


@settings(max_examples=60, deadline=None)
@given(
    story=st.lists(st.tuples(WHO, ASKS, SAYS), min_size=2, max_size=8),
    number=st.integers(0, 2**60),
    fails=st.booleans(),
)
def test_nobody_ever_sees_what_the_credentials_of_another_one_produced(
    front: Shop, *, story: list[tuple[str, str, str]], number: int, fails: bool
) -> None:
    """An origin that shows who asks, and confirms to everybody whatever he has; it fails at times."""

    def answering(request: bytes) -> bytes:
        who = b"-".join(re.findall(rb"alice|bob", request)) or b"nobody"
        if fails and len(front.requests) % 3 == 0:
            return b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"
        says = current[0].encode()
        status = b"304 Not Modified" if b"If-None-Match" in request else b"200 OK"
        body = b"" if status.startswith(b"304") else b"made for " + who
        head = b'HTTP/1.1 %s\r\nCache-Control: %s\r\nETag: "1"\r\nX-For: %s\r\n' % (status, says, who)
        return head + (b"\r\n" if not body else b"Content-Length: %d\r\n\r\n" % len(body) + body)

    current = [""]
    before, front.answering = front.answering, answering
    try:
        for who, asks, says in story:
            current[0] = says
            answer = front.ask(f"/story/{number}", *(each for each in (who, asks) if each))
            name = (re.search("alice|bob", who) or [""])[0]
            for seen in (answer.body.decode(), answer.get("x-for") or ""):
                assert re.findall("alice|bob", seen) in ([], [name])
    finally:
        front.answering = before
