from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.passing.hiding import Front
from addons.passing.mapping import map_back
from gateway.upstreams.rewriting import Rewriting

FRONT = Front(b"https", b"shop.example")
STRIP, REPLACE, PUT = Rewriting("/api", ""), Rewriting("/api", "/v1"), Rewriting("", "/v1")


def mapped(name: str, value: str, rewriting: Rewriting) -> str:
    ((kept, said),) = map_back([(name.encode(), value.encode("latin-1"))], FRONT, rewriting)
    assert kept == name.encode()
    return said.decode("latin-1")


@pytest.mark.parametrize("field", ["Location", "content-location"])
@pytest.mark.parametrize(
    ("said", "given", "rewriting"),
    [
        ("/api/items/7?a=/b#/c", "/items/7?a=/b#/c", STRIP),
        ("https://shop.example/api/items", "https://shop.example/items", STRIP),
        ("HTTPS://SHOP.example/api/items", "HTTPS://SHOP.example/items", STRIP),
        ("//shop.example/api/items", "//shop.example/items", STRIP),
        ("https://shop.example/api/", "https://shop.example", STRIP),
        ("https://shop.example/api/?a", "https://shop.example?a", STRIP),
        ("/api/x", "/v1/x", REPLACE),
        # not below what was put there, or relative to what was asked for
        ("/login", "/login", REPLACE),
        ("items/7", "items/7", STRIP),
        ("?page=2", "?page=2", STRIP),
        ("", "", STRIP),
        ("https://shop.example", "https://shop.example", REPLACE),
        # another host, another scheme, another port
        ("https://idp.example/items", "https://idp.example/items", STRIP),
        ("//idp.example/items", "//idp.example/items", STRIP),
        ("http://shop.example/items", "http://shop.example/items", STRIP),
        ("https://shop.example:8443/items", "https://shop.example:8443/items", STRIP),
        ("mailto:/items", "mailto:/items", STRIP),
        # nothing becomes another host
        ("/v1//evil.example/", "/v1//evil.example/", PUT),
        ("/v1/\\evil.example/", "/v1/\\evil.example/", PUT),
        ("/x", "/v1/x", PUT),
    ],
)
def test_a_path_of_the_upstream_becomes_one_that_the_client_can_ask_for(
    said: str, given: str, rewriting: Rewriting, field: str
) -> None:
    assert said == mapped(field, given, rewriting)


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("5; url=/api/a", "5; url=/a"),
        ("0;URL='/api/a'", "0;URL='/a'"),
        ("5", "5"),
        ("0; url=//a.example/", "0; url=//a.example/"),
    ],
)
def test_refresh_is_mapped_too(said: str, given: str) -> None:
    assert said == mapped("Refresh", given, STRIP)


@pytest.mark.parametrize(
    ("said", "given", "rewriting"),
    [
        ("a=/; Path=/api; HttpOnly", "a=/; Path=/; HttpOnly", STRIP),
        ("a=1; path=/api/cart", "a=1; path= /cart", STRIP),
        ("a=1;PATH=/api/cart/", "a=1;PATH=/cart/", STRIP),
        ("a=1; Path=/api", "a=1; Path=/v1", REPLACE),
        ("a=1; Path=/api", "a=1; Path=/v1/", REPLACE),
        ("a=1; Path=/", "a=1; Path=/v1", PUT),
        # wider than what was put there: other routes may lead to the same application
        ("a=1; Path=/", "a=1; Path=/", REPLACE),
        ("a=1; Secure", "a=1; Secure", STRIP),
        ("a=1; Path", "a=1; Path", STRIP),
        ("a=1; Path=", "a=1; Path=", STRIP),
        ("a=Path=/x", "a=Path=/x", STRIP),
        # browsers refuse it with another path
        ("__Host-id=1; Path=/; Secure", "__Host-id=1; Path=/; Secure", STRIP),
    ],
)
def test_the_path_of_a_cookie_is_mapped(said: str, given: str, rewriting: Rewriting) -> None:
    assert said == mapped("Set-Cookie", given, rewriting)


def test_other_fields_stay_as_they_are() -> None:
    assert mapped("X-Next", "/items", STRIP) == "/items"


segments = st.lists(st.sampled_from(["a", "b", "v1", "api", "a%2Fb", "x;y", "~"]), max_size=3)
roots = segments.map(lambda each: "/" + "/".join(each) if each else "")


@given(roots, roots, segments, st.sampled_from(["", "https://shop.example", "//shop.example"]))
def test_where_an_upstream_leads_within_its_paths_the_client_finds_the_path_it_would_ask_for(
    taken: str, put: str, below: list[str], place: str
) -> None:
    path = "".join(f"/{each}" for each in ["x", *below])
    led = map_back(
        [(b"Location", f"{place}{put}{path}?a=/b#/c".encode())],
        Front(b"https", b"shop.example"),
        Rewriting(taken, put),
    )

    assert led == [(b"Location", f"{place}{taken}{path}?a=/b#/c".encode())]
    assert Rewriting(taken, put).there(taken + path) == put + path
