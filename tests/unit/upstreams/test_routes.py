from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from gateway.config.settings import HostMatch, ListenerSettings, RouteSettings, ServerSettings, UpstreamSettings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode
from gateway.policy.names import Host
from gateway.upstreams.routes import NoRoute, Route, RouteTable


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


def found(table: RouteTable, host: str, path: str) -> str | int:
    route = table.find(Host.parse(host), path)
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
    route = RouteTable.of(listener(*ROUTES), UPSTREAMS).find(Host.parse("shop.example"), "/api")

    assert isinstance(route, Route)
    assert (route.strict_paths, route.upstream.servers) == ("rewrite", UPSTREAMS["exact-api"].servers)


def test_a_prefix_is_canonical_as_the_paths_are() -> None:
    route = RouteSettings(upstream="exact", prefixes=("/caf%c3%a9/%61",))

    assert found(RouteTable.of(listener(route), UPSTREAMS), "x.test", "/caf%C3%A9/a/b") == "exact"


def test_the_order_for_people_names_the_most_specific_first() -> None:
    lines = [str(route) for route in RouteTable.of(listener(*ROUTES), UPSTREAMS).in_order()]

    assert lines == [
        "192.0.2.1 / -> address (http://127.0.0.1:8000), paths strict",
        "2001:db8::1 / -> address (http://127.0.0.1:8000), paths strict",
        "shop.example /api/v1 -> exact-api-v1 (http://127.0.0.1:8000), paths strict",
        "shop.example /api -> exact-api (http://127.0.0.1:8000), paths rewrite",
        "shop.example / -> exact (http://127.0.0.1:8000), paths strict",
        "under shop.example /deep -> deep (http://127.0.0.1:8000), paths strict",
        "under example / -> below (http://127.0.0.1:8000), paths strict",
        "any host / -> anything (http://127.0.0.1:8000), paths strict",
    ]


@pytest.mark.parametrize("twin", [ROUTES[0], ROUTES[1], RouteSettings(upstream="deep", prefixes=("/", "/x"))])
def test_two_routes_that_claim_the_same_are_refused(twin: RouteSettings) -> None:
    with pytest.raises(Malformed, match="listener `shop`: two routes claim the same: `"):
        RouteTable.of(listener(*ROUTES, twin), UPSTREAMS)


def test_a_route_to_an_unknown_upstream_is_refused() -> None:
    with pytest.raises(Malformed, match="listener `shop`: a route names `nowhere`, no upstream has it"):
        RouteTable.of(listener(RouteSettings(upstream="nowhere")), UPSTREAMS)
