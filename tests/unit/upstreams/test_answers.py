from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.paths import REVERSE_RULES, Target
from gateway.upstreams.answers import FixedResponse, Kept, Redirect


def led(redirect: Redirect, asked: str) -> str:
    target = Target.parse(asked, REVERSE_RULES)
    return redirect.location(target.path, target.query)


@pytest.mark.parametrize(
    ("location", "to", "kept", "asked"),
    [
        ("https://shop.example/a/b?x=1", "https://shop.example", None, "/a/b?x=1"),
        ("https://shop.example/a/b?x=1", "https://SHOP.example:443/", None, "/a/b?x=1"),
        ("https://shop.example:8443/", "https://shop.example:8443", None, "/"),
        ("http://[2001:db8::1]:8080/a?", "http://[2001:DB8:0::1]:8080", None, "/a?"),
        ("https://shop.example/a", "https://shop.example", "path-and-query", "/a"),
        ("https://shop.example/?x=1", "https://shop.example", "query", "/a?x=1"),
        ("https://shop.example/", "https://shop.example", "nothing", "/a?x=1"),
        ("https://shop.example/new?x=1", "https://shop.example/new", None, "/a?x=1"),
        ("https://shop.example/new", "https://shop.example/new", "nothing", "/a?x=1"),
        ("https://shop.example/new?to=y", "https://shop.example/new?to=y", None, "/a?x=1"),
        ("/moved?x=1", "/moved", None, "/a?x=1"),
        ("/", "/", "nothing", "/a?x=1"),
    ],
)
def test_path_and_query_are_kept_or_replaced(location: str, to: str, kept: Kept | None, asked: str) -> None:
    assert location == led(Redirect.to(to, 308, kept), asked)


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("https://shop.example/", "*"),  # OPTIONS: without its own slash it would end the name of the host
        ("https://shop.example/evil.example/", "//evil.example/"),
        ("https://shop.example/@evil.example", "/@evil.example"),
        ("https://shop.example/.evil.example", "/%2eevil.example"),
        ("https://shop.example/a%20b", "/a%20b"),
        ("https://shop.example/?a=%0D%0ASet-Cookie:x", "/?a=%0d%0aSet-Cookie:x"),
        ("https://shop.example/?url=https://evil.example", "/?url=https://evil.example"),
    ],
)
def test_no_request_leads_elsewhere_or_begins_another_field(location: str, asked: str) -> None:
    assert location == led(Redirect.to("https://shop.example"), asked)


@pytest.mark.parametrize(
    ("said", "to", "kept"),
    [
        ("neither a path nor an absolute URL", "shop.example", None),
        ("the scheme `javascript` is not accepted", "javascript://shop.example/", None),
        ("user information", "https://user@shop.example", None),
        ("write the path in its canonical form, `/evil.example`", "//evil.example", None),
        ("write the path in its canonical form, `/b`", "https://shop.example/a/../b", None),
        ("a fragment", "https://shop.example/#x", None),
        ("spaces, control characters", "https://shop.example/\r\nSet-Cookie: x", None),
        ("brings a path", "https://shop.example/new", "path-and-query"),
        ("brings a path", "/", "path-and-query"),
        ("brings a query", "https://shop.example/new?x", "query"),
    ],
)
def test_where_it_leads_is_read_strictly(said: str, to: str, kept: Kept | None) -> None:
    with pytest.raises(Malformed, match=said):
        Redirect.to(to, 308, kept)


def test_answers_say_what_they_are() -> None:
    answers = [
        Redirect.to("https://shop.example", 301),
        Redirect.to("/new", 303, "nothing"),
        Redirect.to("/new?a=b"),
        FixedResponse(204),
        FixedResponse(503, b"noon", "text/plain"),
    ]

    assert list(map(str, answers)) == [
        "redirect 301 to https://shop.example/...?...",
        "redirect 303 to /new",
        "redirect 308 to /new?a=b",
        "respond 204",
        "respond 503 (4 bytes, text/plain)",
    ]
