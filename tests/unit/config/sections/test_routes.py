from __future__ import annotations

import pytest

from tests.unit.config.objections import APP, REVERSE, objections


@pytest.mark.parametrize(
    ("said", "route"),
    [
        (
            "listeners[0].routes[0].upstream: there is no upstream `ap`, did you mean `app`?",
            "{upstream: ap}",
        ),
        (
            "listeners[0].routes[0].path.prefix[0]: path `api`: a path begins with `/`, write `/api`",
            "{upstream: app, path: {prefix: [api]}}",
        ),
        (
            "listeners[0].routes[0].host: `is`, `under` cannot stand together: write a second route for the other",
            "{upstream: app, host: {is: [a], under: [b]}}",
        ),
        (
            "listeners[0].routes[0]: `redirect` is not supported yet, leave it out",
            "{upstream: app, redirect: {status: 308}}",
        ),
    ],
)
def test_a_route_that_makes_no_sense_is_refused_with_the_way_out(said: str, route: str) -> None:
    assert [said] == objections(f"{APP}listeners: [{REVERSE}routes: [{route}]}}]")


def test_without_upstreams_a_route_is_told_where_to_declare_one() -> None:
    assert objections("listeners: [" + REVERSE + "routes: [{upstream: app}]}]") == [
        "listeners[0].routes[0].upstream: there is no upstream `app`, declare it under `upstreams`"
    ]
