from __future__ import annotations

import pytest

from gateway.cache.purging import Scope
from gateway.policy.errors import Malformed

KEYS = (
    "https://shop.example/",
    "https://shop.example/items/1",
    "https://shop.example/items/1?a=b",
    "https://shop.example:8443/items/1",
    "http://shop.example/items/1",
    "https://myshop.example/",
    "https://[2001:db8::1]/",
)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("url", "https://shop.example/items/1", {1}),
        ("url", "HTTPS://SHOP.example:443/items/1", {1}),
        ("url", "https://shop.example", {0}),
        ("url", "https://shop.example/items/1?a=b", {2}),
        ("prefix", "https://shop.example/items", {1, 2}),
        ("prefix", "https://shop.example", {0, 1, 2}),
        ("prefix", "https://shop.example:8443", {3}),
        ("host", "shop.example", {0, 1, 2, 3, 4}),
        ("host", "SHOP.example.", {0, 1, 2, 3, 4}),
        ("host", "2001:DB8::1", {6}),
        ("all", "", set(range(7))),
    ],
)
def test_a_scope_takes_what_it_names_however_it_is_spelt(kind: str, value: str, taken: set[int]) -> None:
    scope = Scope.of(kind, value)

    assert {number for number, key in enumerate(KEYS) if scope.takes(key)} == taken


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ("there is no `everything` to purge", "everything", ""),
        ("is no URL of something kept", "url", "shop.example/items"),
        ("is no URL of something kept", "prefix", ""),
        ("is no URL of something kept", "url", "ftp://shop.example/"),
        ("is no URL of something kept", "url", "https://alice@shop.example/"),
        ("is no URL of something kept", "url", "https://shop.example/#top"),
        ("is no URL, write one like", "url", "https://shop.example:port/"),
        ("a name has no empty parts", "host", ""),
        ("spaces are not allowed", "host", "shop example"),
    ],
)
def test_what_names_nothing_is_refused_with_the_way_out(said: str, kind: str, value: str) -> None:
    with pytest.raises(Malformed, match=said):
        Scope.of(kind, value)
