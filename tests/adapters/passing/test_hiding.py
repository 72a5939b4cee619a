from __future__ import annotations

import pytest

from addons.passing.hiding import Front, hide

SERVERS = frozenset({("10.0.0.5", 8000), ("app.internal", 80), ("app.internal", 443), ("2001:db8::5", 8000)})
FRONT = Front(b"https", b"shop.example")


def hidden(name: str, value: str) -> str:
    """What becomes of the value of one field."""
    ((kept, said),) = hide([(name.encode(), value.encode("latin-1"))], FRONT, SERVERS)
    assert kept == name.encode()
    return said.decode("latin-1")


@pytest.mark.parametrize("field", ["Location", "location", "Content-Location"])
@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("https://shop.example/login", "http://10.0.0.5:8000/login"),
        ("https://shop.example/login?next=%2F#top", "http://app.internal/login?next=%2F#top"),
        ("https://shop.example/", "HTTP://APP.internal./"),
        ("https://shop.example", "https://app.internal"),
        ("https://shop.example/x", "http://[2001:db8::5]:8000/x"),
        ("https://shop.example/x", "http://167772165:8000/x"),
        ("https://shop.example/x", "http://user:word@app.internal/x"),
        ("//shop.example/x", "//app.internal/x"),
        # not the backend: the application's own business
        ("/login", "/login"),
        ("login", "login"),
        ("http://10.0.0.5:8001/", "http://10.0.0.5:8001/"),
        ("http://app.internal.evil.example/", "http://app.internal.evil.example/"),
        ("https://idp.example/?back=http://app.internal/", "https://idp.example/?back=http://app.internal/"),
        ("ftp://app.internal/", "ftp://app.internal/"),
        ("http://app.internal@evil.example/", "http://app.internal@evil.example/"),
        ("http://a@app.internal@evil.example/", "http://a@app.internal@evil.example/"),
    ],
)
def test_a_reference_to_the_backend_becomes_one_to_the_gateway(said: str, given: str, field: str) -> None:
    assert said == hidden(field, given)


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("5; url=https://shop.example/a", "5; url=http://app.internal/a"),
        ("0;URL='https://shop.example/a'", "0;URL='http://app.internal/a'"),
        ("5", "5"),
        ("5; url=/a", "5; url=/a"),
    ],
)
def test_refresh_is_rewritten_too(said: str, given: str) -> None:
    assert said == hidden("Refresh", given)


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("id=1; Path=/", "id=1; Domain=app.internal; Path=/"),
        ("id=1", "id=1; domain=.APP.internal"),
        ("id=1; Domain=shop.example", "id=1; Domain=shop.example"),
        ("id=domain=app.internal", "id=domain=app.internal"),
        ("id=1; Secure; HttpOnly", "id=1; Secure; HttpOnly"),
    ],
)
def test_a_cookie_for_the_backend_becomes_one_for_the_host_that_was_asked(said: str, given: str) -> None:
    assert said == hidden("Set-Cookie", given)


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("<https://shop.example/b>; rel=next", "<http://app.internal/b>; rel=next"),
        ("</a>, <https://shop.example/b>; rel=x", "</a>, <http://10.0.0.5:8000/b>; rel=x"),
        ("<https://cdn.example/a>; rel=preload", "<https://cdn.example/a>; rel=preload"),
    ],
)
def test_links_are_rewritten_each_by_itself(said: str, given: str) -> None:
    assert said == hidden("Link", given)


def test_other_fields_are_left_alone() -> None:
    assert hidden("X-Page", "<http://app.internal/>; rel=next") == "<http://app.internal/>; rel=next"
