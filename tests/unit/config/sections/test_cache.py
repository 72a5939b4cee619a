from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.sections.cache import cache_from, place_of
from gateway.config.settings import CacheSettings, DiskSettings, HostMatch, RouteSettings
from gateway.policy.names import Host
from tests.unit.config.objections import APP, REVERSE, objections, read


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (None, "{upstream: app}"),
        (None, "{upstream: app, cache: {enabled: false}}"),
        (CacheSettings(), "{upstream: app, cache: {enabled: true}}"),
        (
            CacheSettings(size=8_000_000, largest=500_000),
            "{upstream: app, cache: {enabled: true, size: 8MB, max_object: 500KB}}",
        ),
        (
            CacheSettings(disk=DiskSettings(size=1_000_000_000)),
            "{upstream: app, cache: {enabled: true, disk: {size: 1GB}}}",
        ),
    ],
)
def test_a_route_keeps_answers_only_where_that_is_said(wanted: CacheSettings | None, said: str) -> None:
    cache = read(f"{APP}listeners: [{REVERSE}routes: [{said}]}}]").listeners[0].routes[0].cache

    assert (None if cache is None else replace(cache, place="")) == wanted
    assert cache is None or len(cache.place) == 64


def test_the_place_of_a_cache_is_of_all_that_says_what_its_route_is_for() -> None:
    route = RouteSettings(upstream="app")
    routes = [
        route,
        replace(route, upstream="other"),
        replace(route, hosts=HostMatch("is", (Host.parse("shop.example"),))),
        replace(route, prefixes=("/a",)),
        replace(route, prefixes=("/a",), strip_prefix="/a"),
        replace(route, methods=("GET",)),
    ]
    places = {place_of(listener, each) for listener in ("shop", "mall") for each in routes}

    assert len(places) == 12
    assert place_of("shop", route) == place_of("shop", replace(route, cache=CacheSettings()))


def test_the_folder_of_a_cache_is_found_from_where_the_configuration_lies() -> None:
    disk = DiskSettings(size=10_000_000, path=Path("kept"))
    found = cache_from(Path("/etc/gateway"), "shop", RouteSettings(upstream="app", cache=CacheSettings(disk=disk)))

    assert found.cache is not None
    assert found.cache.disk == replace(disk, path=Path("/etc/gateway/kept"))


@pytest.mark.parametrize(
    ("said", "cache"),
    [
        ("`enabled` is missing, here belongs `true` or `false`", "{size: 1MB}"),
        ("`size` is missing", "{enabled: true, disk: {path: kept}}"),
        (
            "`0` cannot stand here, here belongs a whole number from 1 to 1000000",
            "{enabled: true, disk: {size: 1GB, entries: 0}}",
        ),
        (
            "`disk.size` bounds all files together and is smaller than two of `max_object`",
            "{enabled: true, disk: {size: 1MB}}",
        ),
        ("unknown key `ignore_query`", "{enabled: true, ignore_query: true}"),
        (
            "`size` bounds all answers together and is smaller than `max_object`, which bounds every one",
            "{enabled: true, size: 1MB, max_object: 2MB}",
        ),
        (
            "`max_object` is from 4KiB to 64MiB: an answer is kept whole, and given in one piece",
            "{enabled: true, size: 1GB, max_object: 100MB}",
        ),
        (
            "`max_object` is from 4KiB to 64MiB: an answer is kept whole, and given in one piece",
            "{enabled: true, max_object: 0}",
        ),
        ("`yes please` cannot stand here, here belongs a cache, like", "yes please"),
    ],
)
def test_a_cache_that_makes_no_sense_is_refused_with_the_way_out(said: str, cache: str) -> None:
    found = objections(f"{APP}listeners: [{REVERSE}routes: [{{upstream: app, cache: {cache}}}]}}]")

    assert len(found) == 1
    assert found[0].startswith("listeners[0].routes[0].cache")
    assert said in found[0]
