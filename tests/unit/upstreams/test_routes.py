from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from gateway.config.settings import (
    CacheSettings,
    HostMatch,
    ListenerSettings,
    RouteSettings,
    ServerSettings,
    UpstreamSettings,
)
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields, field_name
from gateway.policy.model import Mode
from gateway.policy.names import Host
from gateway.upstreams.answers import Redirect
from gateway.upstreams.claims import FieldCondition
from gateway.upstreams.routes import NoRoute, OwnRoute, Route, RouteTable


def upstream(name: str) -> UpstreamSettings:
    server = ServerSettings(scheme="http", host=Host.parse("127.0.0.1"), port=8000)
    return UpstreamSettings(name=name, servers=(server,))


def is_(*names: str) -> HostMatch:
    return HostMatch("is", tuple(map(Host.parse, names)))


def under(*names: str) -> HostMatch:
    return HostMatch("under", tuple(map(Host.parse, names)))


NAMES = ("exact", "exact-api", "exact-api-v1", "below", "deep", "anything", "address")
UPSTREAMS = {name: upstream(name) for name in NAMES}
ROUTES = (
    RouteSettings(upstream="anything"),
    RouteSettings(upstream="below", hosts=under("example")),
    RouteSettings(upstream="deep", hosts=under("shop.example"), prefixes=("/deep",)),
    RouteSettings(upstream="exact", hosts=is_("shop.example")),
    RouteSettings(upstream="exact-api", hosts=is_("shop.example"), prefixes=("/api/",), strict_paths="rewrite"),
    RouteSettings(upstream="exact-api-v1", hosts=is_("shop.example"), prefixes=("/api/v1",)),
    RouteSettings(upstream="address", hosts=under("192.0.2.1", "2001:db8::1")),
)


def listener(*routes: RouteSettings) -> ListenerSettings:
    bind = (Address.parse("127.0.0.1"), 8081)
    return ListenerSettings(name="shop", mode=Mode.REVERSE, bind=bind, policy=Path("api.yaml"), routes=routes)


def fields(**said: str) -> Fields:
    return Fields.of([(name.replace("_", "-"), value) for name, value in said.items()])


def found(table: RouteTable, host: str, path: str, method: str = "GET", **said: str) -> str | int:
    route = table.find(Host.parse(host), path, method, fields(**said))
    if isinstance(route, OwnRoute):
        return str(route.answer)
    return route.status if isinstance(route, NoRoute) else route.upstream.name


CASES = [
    ("exact", "shop.example", "/"),
    ("exact", "shop.example", "/apiary"),
    ("exact", "SHOP.example.", "/other/api"),
    ("exact-api", "shop.example", "/api"),
    ("exact-api", "shop.example", "/api/"),
    ("exact-api", "shop.example", "/api/v10"),
    ("exact-api-v1", "shop.example", "/api/v1"),
    ("exact-api-v1", "shop.example", "/api/v1/items/7"),
    ("exact", "shop.example", "*"),
    ("deep", "a.shop.example", "/deep/x"),
    (404, "a.shop.example", "/"),
    ("below", "other.example", "/deep"),
    ("below", "example", "/"),
    ("anything", "elsewhere.test", "/"),
    ("anything", "notshop.test", "/api"),
    ("address", "192.0.2.1", "/"),
    ("address", "[2001:db8::1]", "/"),
    ("anything", "192.0.2.2", "/"),
]


@pytest.mark.parametrize(("wanted", "host", "path"), CASES)
def test_the_most_specific_route_wins(wanted: str | int, host: str, path: str) -> None:
    assert wanted == found(RouteTable.of(listener(*ROUTES), UPSTREAMS), host, path)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_the_file_means_nothing(seed: int) -> None:
    shuffled = Random(seed).sample(ROUTES, len(ROUTES))
    table = RouteTable.of(listener(*shuffled), UPSTREAMS)

    assert [found(table, host, path) for _, host, path in CASES] == [wanted for wanted, _, _ in CASES]
    assert table.in_order() == RouteTable.of(listener(*ROUTES), UPSTREAMS).in_order()


def test_a_host_that_no_route_names_is_misdirected_and_an_unnamed_path_is_not_found() -> None:
    route = RouteSettings(upstream="exact", hosts=is_("shop.example"), prefixes=("/api",))
    table = RouteTable.of(listener(route), UPSTREAMS)

    assert found(table, "other.example", "/api") == 421
    assert found(table, "a.shop.example", "/api") == 421
    assert found(table, "shop.example", "/") == 404
    assert found(table, "shop.example", "/apiary") == 404


def test_no_routes_serve_nobody() -> None:
    assert found(RouteTable.of(listener(), UPSTREAMS), "shop.example", "/") == 421


def test_a_route_tells_how_odd_paths_are_treated_and_which_servers_answer() -> None:
    route = RouteTable.of(listener(*ROUTES), UPSTREAMS).find(Host.parse("shop.example"), "/api", "GET", fields())

    assert isinstance(route, Route)
    assert (route.strict_paths, route.upstream.servers) == ("rewrite", UPSTREAMS["exact-api"].servers)


def test_a_prefix_is_canonical_as_the_paths_are() -> None:
    route = RouteSettings(upstream="exact", prefixes=("/caf%c3%a9/%61",))

    assert found(RouteTable.of(listener(route), UPSTREAMS), "x.test", "/caf%C3%A9/a/b") == "exact"


def test_the_order_for_people_names_the_most_specific_first() -> None:
    lines = [str(route) for route in RouteTable.of(listener(*ROUTES), UPSTREAMS).in_order()]

    assert lines == [
        "host is 192.0.2.1, path below / -> address (http://127.0.0.1:8000)",
        "host is 2001:db8::1, path below / -> address (http://127.0.0.1:8000)",
        "host is shop.example, path below /api/v1 -> exact-api-v1 (http://127.0.0.1:8000)",
        "host is shop.example, path below /api -> exact-api (http://127.0.0.1:8000), odd paths rewrite",
        "host is shop.example, path below / -> exact (http://127.0.0.1:8000)",
        "host under shop.example, path below /deep -> deep (http://127.0.0.1:8000)",
        "host under example, path below / -> below (http://127.0.0.1:8000)",
        "any host, path below / -> anything (http://127.0.0.1:8000)",
    ]


@pytest.mark.parametrize("twin", [ROUTES[0], ROUTES[1], RouteSettings(upstream="deep", prefixes=("/", "/x"))])
def test_two_routes_that_claim_the_same_are_refused(twin: RouteSettings) -> None:
    with pytest.raises(Malformed, match="listener `shop`: two routes claim the same: `"):
        RouteTable.of(listener(*ROUTES, twin), UPSTREAMS)


def test_a_route_to_an_unknown_upstream_is_refused() -> None:
    with pytest.raises(Malformed, match="listener `shop`: a route names `nowhere`, no upstream has it"):
        RouteTable.of(listener(RouteSettings(upstream="nowhere")), UPSTREAMS)


def field(name: str, *values: str) -> tuple[FieldCondition, ...]:
    return (FieldCondition(field_name(name), "is" if values else "present", values),)


FINE = (
    RouteSettings(upstream="anything"),
    RouteSettings(upstream="exact", prefixes=(), exact=("/login",)),
    RouteSettings(upstream="below", prefixes=("/login",)),
    RouteSettings(upstream="exact-api", prefixes=("/api",), methods=("GET", "HEAD")),
    RouteSettings(upstream="exact-api-v1", prefixes=("/api",), methods=("GET",), fields=field("X-Version", "2")),
    RouteSettings(upstream="deep", prefixes=("/api",), fields=field("X-Beta")),
)
MORE_CASES = [
    ("exact", "/login", "POST", {}),
    ("below", "/login/", "POST", {}),
    ("below", "/login/x", "GET", {}),
    ("exact-api", "/api", "GET", {}),
    ("exact-api", "/api/x", "GET", {"x_beta": "1"}),
    ("exact-api-v1", "/api/x", "GET", {"x_version": "2", "x_beta": "1"}),
    ("exact-api", "/api/x", "HEAD", {"x_version": "2"}),
    ("deep", "/api/x", "DELETE", {"x_beta": ""}),
    ("anything", "/api/x", "DELETE", {}),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("wanted", "path", "method", "said"), MORE_CASES)
def test_exact_paths_come_first_then_methods_then_fields(
    wanted: str, path: str, method: str, said: dict[str, str], seed: int
) -> None:
    shuffled = Random(seed).sample(FINE, len(FINE))

    assert wanted == found(RouteTable.of(listener(*shuffled), UPSTREAMS), "a.test", path, method, **said)


def test_a_path_that_is_served_for_other_methods_is_told_with_them() -> None:
    routes = (
        RouteSettings(upstream="exact", prefixes=("/api",), methods=("PUT", "GET")),
        RouteSettings(upstream="deep", prefixes=("/api/x",), methods=("POST",)),
        RouteSettings(upstream="below", prefixes=("/api/x",), methods=("PATCH",), fields=field("X-Beta")),
    )
    table = RouteTable.of(listener(*routes), UPSTREAMS)

    assert table.find(Host.parse("a.test"), "/api", "DELETE", fields()) == NoRoute(405, ("GET", "PUT"))
    assert table.find(Host.parse("a.test"), "/api/x", "DELETE", fields()) == NoRoute(405, ("GET", "POST", "PUT"))
    assert table.find(Host.parse("a.test"), "/other", "GET", fields()) == NoRoute(404)


def test_a_route_that_answers_by_itself_is_found_like_any_other() -> None:
    route = RouteSettings(answer=Redirect.to("https://shop.example"), hosts=is_("old.example"))
    table = RouteTable.of(listener(*ROUTES, route), UPSTREAMS)

    assert found(table, "old.example", "/x") == "redirect 308 to https://shop.example/...?..."
    assert found(table, "a.old.example", "/x") == "below"


def test_each_prefix_is_rewritten_by_itself() -> None:
    route = RouteSettings(upstream="exact", prefixes=("/a", "/b"), put_prefix="/v1", encoded_slash="allow")
    table = RouteTable.of(listener(route), UPSTREAMS)
    ends = [table.find(Host.parse("a.test"), path, "GET", fields()) for path in ("/a/x", "/b/x")]

    assert [str(end.rewriting) for end in ends if isinstance(end, Route)] == ["/a sent as /v1", "/b sent as /v1"]
    assert table.keeps_slashes
    assert str(table.in_order()[0]).endswith(", /a sent as /v1, encoded slashes kept")


def test_a_path_of_thousands_of_segments_is_cut_where_the_longest_prefix_ends() -> None:
    route = RouteSettings(upstream="exact", prefixes=("/a/a",))

    assert found(RouteTable.of(listener(route), UPSTREAMS), "a.test", "/a" * 4000) == "exact"
    assert found(RouteTable.of(listener(route), UPSTREAMS), "a.test", "/b" * 4000) == 404


def test_a_route_that_keeps_answers_says_so() -> None:
    kept = RouteTable.of(listener(RouteSettings(upstream="exact", cache=CacheSettings())), UPSTREAMS)
    plain = RouteTable.of(listener(RouteSettings(upstream="exact")), UPSTREAMS)

    assert [str(table.in_order()[0]).endswith(", answers kept") for table in (kept, plain)] == [True, False]


def test_a_route_that_fills_in_security_fields_says_so() -> None:
    said = RouteTable.of(listener(RouteSettings(upstream="exact", security_fields="strict")), UPSTREAMS)

    assert str(said.in_order()[0]).endswith(", security fields strict")
