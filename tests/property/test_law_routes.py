"""The laws of routing: the order of the file means nothing, and the route is the most specific that is for the request.

The oracle looks at every claim there is, one by one; the table finds the route in its dictionaries.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.config.settings import HostMatch, ListenerSettings, RouteSettings, ServerSettings, UpstreamSettings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields, field_name
from gateway.policy.model import Mode
from gateway.policy.names import Host
from gateway.policy.paths import REVERSE_RULES, Target
from gateway.upstreams.answers import Redirect
from gateway.upstreams.claims import Claim, FieldCondition, FieldOperator
from gateway.upstreams.clauses import claims_of, conflicts, never_reached, rewriting_of
from gateway.upstreams.rewriting import Rewriting
from gateway.upstreams.routes import NoRoute, Route, RouteTable

NAMES = ("example", "shop.example", "a.shop.example", "other.test")
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/ab", "/b")
METHODS = ("GET", "HEAD", "POST")
UPSTREAMS = {
    f"u{number}": UpstreamSettings(
        name=f"u{number}",
        servers=(ServerSettings(scheme="http", host=Host.parse("127.0.0.1"), port=8000 + number),),
    )
    for number in range(12)
}

hosts = st.one_of(
    st.just(HostMatch()),
    st.builds(
        HostMatch,
        st.sampled_from(["is", "under"]),
        st.lists(st.sampled_from(NAMES).map(Host.parse), min_size=1, max_size=2, unique=True).map(tuple),
    ),
)
BARE: tuple[FieldOperator, ...] = ("present", "absent")
VALUED: tuple[FieldOperator, ...] = ("is", "prefix")
conditions: st.SearchStrategy[tuple[FieldOperator, tuple[str, ...]]] = st.one_of(
    st.tuples(st.sampled_from(BARE), st.just(())),
    st.tuples(st.sampled_from(VALUED), st.sampled_from([("1",), ("2",), ("1", "2"), ("12",)])),
)
field_sets = st.dictionaries(st.sampled_from(["x-a", "x-b"]), conditions, max_size=2).map(
    lambda said: tuple(FieldCondition(field_name(name), how, values) for name, (how, values) in sorted(said.items()))
)


def some_of(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


@st.composite
def route_sets(draw: st.DrawFn) -> list[RouteSettings]:
    """Routes without conflicts, in any order."""
    routes: list[RouteSettings] = []
    for name in list(UPSTREAMS)[: draw(st.integers(1, len(UPSTREAMS)))]:
        route = RouteSettings(
            upstream=name,
            hosts=draw(hosts),
            prefixes=draw(some_of(PATHS)),
            exact=draw(some_of(PATHS)),
            methods=draw(some_of(METHODS)),
            fields=draw(field_sets),
        )
        if not any(conflicts([*routes, route])):
            routes.append(route)
    return routes


requests = st.tuples(
    st.sampled_from([*NAMES, "x.a.shop.example", "elsewhere.test"]).map(Host.parse),
    st.sampled_from([*PATHS, "/a/", "/a/b/x", "/a/b/c/d/e", "/abc", "*"]),
    st.sampled_from([*METHODS, "PUT"]),
    st.lists(st.tuples(st.sampled_from(["x-a", "x-b"]), st.sampled_from(["", "1", "2", "12", "3"])), max_size=3).map(
        Fields.of
    ),
)


def table_of(routes: list[RouteSettings]) -> RouteTable:
    bind = (Address.parse("127.0.0.1"), 8081)
    return RouteTable.of(
        ListenerSettings(name="shop", mode=Mode.REVERSE, bind=bind, policy=Path("p"), routes=tuple(routes)), UPSTREAMS
    )


def by_hand(routes: list[RouteSettings], host: Host, path: str, method: str, fields: Fields) -> str | NoRoute:
    """What is found by looking at every claim: by the host alone first, then the best of those that match."""
    claims = [(claim, route.upstream) for route in routes for claim in claims_of(route)]
    of_host = [
        (claim, end)
        for claim, end in claims
        if Claim(host=claim.host, under=claim.under).matches(host, "/", method, fields)
    ]
    if not of_host:
        return NoRoute(421)
    nearest = max(claim.rank[:2] for claim, _ in of_host)
    here = [(claim, end) for claim, end in of_host if claim.rank[:2] == nearest]
    matching = [(claim.rank, end) for claim, end in here if claim.matches(host, path, method, fields)]
    if matching:
        return max(matching)[1]
    others = {claim.method for claim, _ in here if claim.method and claim.matches(host, path, claim.method, fields)}
    return NoRoute(405, tuple(sorted(others))) if others else NoRoute(404)


def found(table: RouteTable, host: Host, path: str, method: str, fields: Fields) -> str | NoRoute:
    route = table.find(host, path, method, fields)
    return (
        route.upstream.name if isinstance(route, Route) else NoRoute(404) if not isinstance(route, NoRoute) else route
    )


@given(route_sets(), requests)
def test_the_chosen_route_is_the_most_specific_of_all_that_match(
    routes: list[RouteSettings], request: tuple[Host, str, str, Fields]
) -> None:
    assert by_hand(routes, *request) == found(table_of(routes), *request)


@given(st.data(), route_sets(), st.lists(requests, max_size=5))
def test_the_order_of_the_routes_never_matters(
    data: st.DataObject, routes: list[RouteSettings], asked: list[tuple[Host, str, str, Fields]]
) -> None:
    shuffled = data.draw(st.permutations(routes))
    one, other = table_of(routes), table_of(shuffled)

    assert one.in_order() == other.in_order()
    assert [found(one, *request) for request in asked] == [found(other, *request) for request in asked]


@given(route_sets(), requests)
def test_what_is_told_as_never_reached_is_never_reached(
    routes: list[RouteSettings], request: tuple[Host, str, str, Fields]
) -> None:
    told = {str(claim) for claim, _ in never_reached(routes)}
    route = table_of(routes).find(*request)

    assert not isinstance(route, Route) or str(route.claim) not in told


@given(
    route_sets(),
    st.builds(RouteSettings, upstream=st.just("u0"), hosts=hosts, prefixes=some_of(PATHS), fields=field_sets),
)
def test_whatever_conflicts_one_way_round_conflicts_the_other_way_round(
    routes: list[RouteSettings], route: RouteSettings
) -> None:
    assert any(conflicts([*routes, route])) is any(conflicts([route, *routes]))


segments = st.lists(st.sampled_from(["a", "b", "v1", "api", "a%2Fb", "x;y", "~"]), max_size=3)
roots = segments.map(lambda each: "/" + "/".join(each) if each else "")


@given(roots, roots, segments, st.sampled_from(["", "/"]))
def test_a_path_that_was_rewritten_comes_back_as_it_was(taken: str, put: str, below: list[str], end: str) -> None:
    path = taken + "".join(f"/{each}" for each in below) + end or "/"
    sent = Rewriting(taken, put).there(path)

    assert sent.startswith("/")
    assert sent == (Target.parse(sent, REVERSE_RULES).path if "%2F" not in sent else sent)
    # The root of what was stripped has one spelling only.
    assert Rewriting(taken, put).back(sent) == (f"{taken}/" if put == "" and path == taken else path)


@given(st.sampled_from(PATHS), st.one_of(st.none(), st.just("/v1")), st.sampled_from(["", "/x", "/x/y", "/"]))
def test_what_a_route_sends_lies_below_what_it_puts_in_place(prefix: str, put: str | None, below: str) -> None:
    route = RouteSettings(upstream="u0", prefixes=(prefix,), strip_prefix=prefix, put_prefix=put)
    (claim,) = claims_of(route)
    rewriting = rewriting_of(route, claim)
    assume(rewriting is not None)
    assert rewriting is not None
    sent = rewriting.there(prefix.rstrip("/") + below or "/")

    assert Claim(path=put or "/").matches(Host.parse("a.test"), sent, "GET", Fields(()))


@given(
    st.lists(
        st.sampled_from(["/", "//", "@", "\\", "%2e", "..", ".", "%0d%0a", "?", "#", "evil.example", ":", "*", "a"])
    )
)
def test_no_request_decides_where_a_redirect_leads(pieces: list[str]) -> None:
    try:
        target = Target.parse("/" + "".join(pieces), REVERSE_RULES)
    except Malformed:
        return
    location = Redirect.to("https://shop.example").location(target.path, target.query)

    assert location.isascii()
    assert location.isprintable()
    assert urlsplit(location)[:2] == ("https", "shop.example")
    assert location.startswith("https://shop.example/")
