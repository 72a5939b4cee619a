from __future__ import annotations

import pytest

from tests.unit.config.objections import APP, REVERSE, objections, read


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
            "listeners[0].routes[0]: one of `upstream`, `redirect`, `respond` is missing: a route does one thing",
            "{path: {prefix: [/a]}}",
        ),
        (
            "listeners[0].routes[0]: `upstream`, `redirect` cannot stand together: a route does one thing",
            '{upstream: app, redirect: {to: "https://shop.example"}}',
        ),
        (
            "listeners[0].routes[0]: `/api` cannot be stripped from `/`, which does not begin with it",
            "{upstream: app, strip_prefix: /api}",
        ),
        (
            "listeners[0].routes[0]: the path that is sent would be the same, leave out `strip_prefix` and `rewrite`",
            "{upstream: app, path: {prefix: [/api]}, rewrite: {prefix: /api}}",
        ),
        (
            "listeners[0].routes[0]: nothing of the path is sent, leave out `strip_prefix` and `rewrite`",
            "{respond: {status: 204}, rewrite: {prefix: /v1}}",
        ),
        (
            "listeners[0].routes[0]: nothing of the path is sent, leave out `strip_prefix` and `rewrite`",
            '{redirect: {to: "https://shop.example/new"}, path: {prefix: [/a]}, strip_prefix: /a}',
        ),
        (
            "listeners[0].routes[0].encoded_slash: `keep` is unknown here, known are `refuse`, `allow`",
            "{upstream: app, encoded_slash: keep}",
        ),
        (
            "listeners[0].routes[0]: nothing is kept of what the gateway answers by itself, leave out `cache`",
            "{respond: {status: 204}, cache: {enabled: true}}",
        ),
    ],
)
def test_a_route_that_makes_no_sense_is_refused_with_the_way_out(said: str, route: str) -> None:
    assert [said] == objections(f"{APP}listeners: [{REVERSE}routes: [{route}]}}]")


def test_without_upstreams_a_route_is_told_where_to_declare_one() -> None:
    assert objections("listeners: [" + REVERSE + "routes: [{upstream: app}]}]") == [
        "listeners[0].routes[0].upstream: there is no upstream `app`, declare it under `upstreams`"
    ]


def test_what_becomes_of_the_path_is_read() -> None:
    said = "{upstream: app, path: {prefix: [/api]}, strip_prefix: /api, rewrite: {prefix: /v1}, encoded_slash: allow}"
    (route,) = read(f"{APP}listeners: [{REVERSE}routes: [{said}]}}]").listeners[0].routes

    assert (route.strip_prefix, route.put_prefix, route.encoded_slash) == ("/api", "/v1", "allow")
    assert route.place is not None
    assert (route.place.file, route.place.line) == ("w.yaml", 3)


IN_LINES = f"""{APP}listeners:
  - name: a
    mode: reverse
    bind: 127.0.0.1:1
    policy: p
    routes:
      - {{upstream: app, host: {{is: [a.test]}}}}
      - {{upstream: nowhere}}
      - {{upstream: app, host: {{is: [b.test, a.test]}}, strict_paths: redirect}}
      - {{upstream: app, method: [GET], header: {{X-A: {{present: true}}}}}}
      - {{upstream: app, method: [GET], header: {{X-B: {{present: true}}}}}}
      - {{upstream: app, path: {{prefix: [/c, /c/]}}}}
"""


def test_routes_that_claim_the_same_are_told_with_both_places_also_beside_others_that_are_wrong() -> None:
    unknown, *twice = objections(IN_LINES)

    assert unknown == "listeners[0].routes[1].upstream: there is no upstream `nowhere`, declared are `app`"
    assert [said.removeprefix("listeners[0].routes: ").split(": only")[0] for said in twice] == [
        "`host is a.test, path below /` is claimed by the route in line 9 already",
        (
            "`any host, path below /, method GET, field x-b present` is claimed by the route in line 12 already for "
            "`any host, path below /, method GET, field x-a present`, and a request can be both"
        ),
        "`any host, path below /c` is claimed by the route in line 14 already",
    ]
