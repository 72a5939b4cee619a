from __future__ import annotations

import pytest

from gateway.config.settings import CacheSettings
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
    ],
)
def test_a_route_keeps_answers_only_where_that_is_said(wanted: CacheSettings | None, said: str) -> None:
    assert read(f"{APP}listeners: [{REVERSE}routes: [{said}]}}]").listeners[0].routes[0].cache == wanted


@pytest.mark.parametrize(
    ("said", "cache"),
    [
        ("`enabled` is missing, here belongs `true` or `false`", "{size: 1MB}"),
        ("`disk` is not supported yet, leave it out", "{enabled: true, disk: {size: 1GB}}"),
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
