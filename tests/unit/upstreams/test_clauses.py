from __future__ import annotations

import pytest

from gateway.config.settings import HostMatch, RouteSettings
from gateway.policy.errors import Malformed
from gateway.policy.headers import field_name
from gateway.policy.names import Host
from gateway.policy.problems import Place
from gateway.upstreams.claims import FieldCondition
from gateway.upstreams.clauses import claims_of, conflicts, never_reached, rewriting_of

HOSTS = HostMatch("is", (Host.parse("a.test"), Host.parse("b.test")))
BETA = FieldCondition(field_name("x-beta"))
STABLE = FieldCondition(field_name("x-beta"), "absent")
GAMMA = FieldCondition(field_name("x-gamma"))


def at(line: int, **said: object) -> RouteSettings:
    return RouteSettings(upstream="app", place=Place("w.yaml", line, 9), **said)  # type: ignore[arg-type]  # each test says other keys


def test_a_route_claims_every_host_path_and_method_that_it_names() -> None:
    route = at(1, hosts=HOSTS, prefixes=("/x/",), exact=("/y/",), methods=("GET", "HEAD"))

    assert [str(claim) for claim in claims_of(route)] == [
        f"host is {host}, path {path}, method {method}"
        for host in ("a.test", "b.test")
        for path in ("below /x", "is /y/")
        for method in ("GET", "HEAD")
    ]


@pytest.mark.parametrize(
    ("said", "one", "other"),
    [
        (["any host, path below /"], {}, {}),
        (["any host, path below /a"], {"prefixes": ("/a", "/b")}, {"prefixes": ("/c", "/a/")}),
        (["any host, path below /, method GET"], {"methods": ("GET", "PUT")}, {"methods": ("HEAD", "GET")}),
        (["host is b.test, path below /"], {"hosts": HOSTS}, {"hosts": HostMatch("is", HOSTS.hosts[1:])}),
        # a request can have both fields
        (["any host, path below /, field x-gamma present"], {"fields": (BETA,)}, {"fields": (GAMMA,)}),
        ([], {"fields": (BETA,)}, {"fields": (STABLE,)}),
        ([], {"fields": (BETA,)}, {"fields": (BETA, GAMMA)}),
        ([], {"prefixes": ("/a",)}, {"prefixes": (), "exact": ("/a",)}),
        ([], {"hosts": HOSTS}, {"hosts": HostMatch("under", HOSTS.hosts)}),
        ([], {"methods": ("GET",)}, {}),
    ],
)
def test_two_routes_conflict_if_one_request_could_take_both_and_neither_is_more_specific(
    said: list[str], one: dict[str, object], other: dict[str, object]
) -> None:
    found = list(conflicts([at(3, **one), at(7, **other)]))

    assert [str(each.second) for each in found] == said
    assert all(f"(line 3) and `{each.second}` (line 7)" in str(each) for each in found)


def test_a_route_that_more_specific_ones_leave_nothing_to_is_found() -> None:
    routes = [
        at(1),
        at(2, prefixes=("/a",)),
        at(3, prefixes=("/a",), fields=(BETA,)),
        at(4, prefixes=("/a",), fields=(STABLE,)),
    ]

    assert [(str(claim), place and place.line) for claim, place in never_reached(routes)] == [
        ("any host, path below /a", 2)
    ]


@pytest.mark.parametrize(
    ("rewriting", "said"),
    [
        (None, {}),
        ("/api sent as /", {"strip_prefix": "/api"}),
        ("/api/v1 sent as /v2", {"put_prefix": "/v2"}),
        ("/api sent as /v2", {"strip_prefix": "/api", "put_prefix": "/v2"}),
        (None, {"put_prefix": "/api/v1"}),
    ],
)
def test_a_rewriting_is_of_the_prefix_or_of_what_is_stripped(rewriting: str | None, said: dict[str, object]) -> None:
    route = at(1, prefixes=("/api/v1",), **said)
    (claim,) = claims_of(route)
    found = rewriting_of(route, claim)

    assert rewriting == (found and str(found))


@pytest.mark.parametrize("path", ["/apiary", "/", "/x/api"])
def test_what_is_not_there_cannot_be_stripped(path: str) -> None:
    route = at(1, prefixes=(path,), strip_prefix="/api")
    (claim,) = claims_of(route)

    with pytest.raises(Malformed, match="`/api` cannot be stripped from"):
        rewriting_of(route, claim)
