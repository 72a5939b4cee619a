from __future__ import annotations

import pytest

from gateway.policy.headers import field_name
from gateway.upstreams.claims import FieldCondition
from tests.unit.config.objections import APP, REVERSE, objections, read


def routes(route: str) -> str:
    return f"{APP}listeners: [{REVERSE}routes: [{route}]}}]"


def test_a_route_says_which_paths_methods_and_fields_it_is_for() -> None:
    said = (
        "{upstream: app, path: {prefix: [/api/], is: [/login]}, method: [GET, HEAD], "
        'header: {X-Version: {is: ["2", "3"]}, Accept: {prefix: [application/]}, X-Old: {present: false}, '
        "X-Beta: {present: true}}}"
    )
    (route,) = read(routes(said)).listeners[0].routes

    assert (route.prefixes, route.exact, route.methods) == (("/api",), ("/login",), ("GET", "HEAD"))
    assert route.fields == (
        FieldCondition(field_name("accept"), "prefix", ("application/",)),
        FieldCondition(field_name("x-beta"), "present"),
        FieldCondition(field_name("x-old"), "absent"),
        FieldCondition(field_name("x-version"), "is", ("2", "3")),
    )


def test_exact_paths_alone_leave_no_prefix() -> None:
    (route,) = read(routes("{upstream: app, path: {is: [/login]}}")).listeners[0].routes

    assert (route.prefixes, route.exact) == ((), ("/login",))


@pytest.mark.parametrize(
    ("said", "matching"),
    [
        ("path: one of `prefix`, `is` is missing: leave `path` out to name all paths", "path: {}"),
        (
            "path.is[0]: path `/a*`: there is no `*`, use `prefix` for all below a path, or `matches`",
            "path: {is: [/a*]}",
        ),
        ("method[0]: `get` is no method: methods are upper case, write `GET`", "method: [get]"),
        ("method[0]: `CONNECT` is never accepted from a client, leave it out", "method: [CONNECT]"),
        ("header: the group is empty, here belong fields, like `{X-Beta: {present: true}}`", "header: {}"),
        ("header.Host: hosts are matched by `host`, beside `header`", "header: {Host: {is: [a]}}"),
        (
            "header.Upgrade: `Upgrade` concerns the connection, not the request, no route can ask for it",
            "header: {Upgrade: {present: true}}",
        ),
        (
            "header.X_User: `X_User` is dropped or written anew by the gateway, no route can ask for it",
            "header: {X_User: {present: true}}",
        ),
        (
            "header.X-Real-IP: `X-Real-IP` is dropped or written anew by the gateway, no route can ask for it",
            "header: {X-Real-IP: {present: true}}",
        ),
        (
            "header: a field is named twice: upper and lower case mean the same",
            "header: {X-Beta: {present: true}, x-beta: {present: false}}",
        ),
        (
            "header.X-Beta: `present`, `is` cannot stand together: a field has one condition",
            "header: {X-Beta: {present: true, is: [a]}}",
        ),
        (
            "header.X-Beta: one of `present`, `is`, `prefix` is missing: a field has one condition",
            "header: {X-Beta: {}}",
        ),
    ],
)
def test_matching_that_makes_no_sense_is_refused_with_the_way_out(said: str, matching: str) -> None:
    assert objections(routes(f"{{upstream: app, {matching}}}")) == [f"listeners[0].routes[0].{said}"]
