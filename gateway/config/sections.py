"""The shapes of `wicketgate.yaml`: which keys there are, and which are announced but mean nothing yet.

A key without an effect is refused: an operator who writes `cache: {enabled: true}` must not believe that there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.config.endpoints import parse_bind, parse_server
from gateway.config.settings import (
    AuditSettings,
    HostMatch,
    LimitSettings,
    ListenerSettings,
    PathTreatment,
    ResolverSettings,
    RouteSettings,
    ServerSettings,
    UpstreamSettings,
)
from gateway.policy.addresses import Address
from gateway.policy.language.nodes import Mapping, Node, Scalar
from gateway.policy.language.operands import HOST, NETWORK, PARENT, PREFIX
from gateway.policy.language.records import Key, Values, one_of, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, DURATION, SIZE, choice, integer, kebab, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, mapping, sequence
from gateway.policy.language.suggestions import way_out
from gateway.policy.model import Mode
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Callable

UPSTREAM: Final = "upstream"
"""The kind under which upstreams are declared."""

ROOT: Final = ("/",)

_MOST: Final = 10**9


def not_yet(*names: str) -> Callable[[str], str | None]:
    """The word about keys that are announced and have no effect in this version."""
    return lambda key: f"`{key}` is not supported yet, leave it out" if key in names else None


def _only[W: str](word: W, *announced: str) -> Shape[W]:
    """The one word that has an effect now; others are announced."""
    known = choice((word,))

    def read(node: Node, spot: Spot) -> Read[W]:
        if isinstance(node, Scalar) and node.text in announced:
            return spot.complain(f"`{node.text}` is not supported yet, write `{word}`")
        return known.read(node, spot)

    return Shape(f"`{word}`", known.schema, read)


# --- upstreams --------------------------------------------------------------------------------------------------------

_URL: Final = required(
    "url", text("a URL, like `http://127.0.0.1:8000`").then(parse_server), "Where the server listens."
)
_WEIGHT: Final = optional("weight", integer(1, 100), "Its share of the requests.", 1)


def _server(values: Values) -> Read[ServerSettings]:
    server = values[_URL]
    return ServerSettings(scheme=server.scheme, host=server.host, port=server.port, weight=values[_WEIGHT])


_SERVER: Final = record((_URL, _WEIGHT), _server, wanted='a server, like `{url: "http://127.0.0.1:8000"}`')
_SERVERS: Final = required(
    "servers", sequence(_SERVER, '[{url: "http://127.0.0.1:8000"}]'), "Servers that do the same."
)
_BALANCE: Final = optional(
    "balance",
    _only("round_robin", "least_connections", "random_two", "hash"),
    "How one of them is chosen.",
    "round_robin",
)
_UPSTREAM: Final = record(
    (_SERVERS, _BALANCE),
    lambda values: UpstreamSettings(name="", servers=values[_SERVERS]),
    wanted='an upstream, like `{servers: [{url: "http://127.0.0.1:8000"}]}`',
    also=not_yet("health", "outliers", "retries", "queue", "connections", "slow_start"),
)


def _named(upstreams: dict[str, UpstreamSettings]) -> dict[str, UpstreamSettings]:
    return {name: UpstreamSettings(name=name, servers=upstream.servers) for name, upstream in upstreams.items()}


UPSTREAMS: Final = mapping(kebab("the name of an upstream"), _UPSTREAM, "named upstreams").then(_named)

# --- routes -----------------------------------------------------------------------------------------------------------


def _read_upstream(node: Node, spot: Spot) -> Read[str]:
    name = _UPSTREAM_NAME.read(node, spot)
    known = spot.declared.get(UPSTREAM, {})
    if name is WRONG or name in known:
        return name
    way = way_out(name, known, otherwise="declared are") or ", declare it under `upstreams`"
    return spot.complain(f"there is no upstream `{name}`{way}")


_UPSTREAM_NAME: Final = text("the name of an upstream")
_HOST_IS: Final[Key[tuple[Host, ...]]] = optional("is", sequence(HOST, "[shop.example]"), "Exactly these hosts.", ())
_HOST_UNDER: Final[Key[tuple[Host, ...]]] = optional(
    "under", sequence(PARENT, "[shop.example]"), "These and all below.", ()
)
_HOSTS: Final = record(
    (_HOST_IS, _HOST_UNDER),
    lambda values: HostMatch("is", values[_HOST_IS]) if values[_HOST_IS] else HostMatch("under", values[_HOST_UNDER]),
    wanted="hosts, like `{is: [shop.example]}`",
    rules=(one_of("is", "under", why="write a second route for the other"),),
)
_PREFIX: Final[Key[tuple[str, ...]]] = required(
    "prefix", sequence(PREFIX, "[/api]"), "The beginnings of paths, in whole segments."
)
_PATHS: Final[Shape[tuple[str, ...]]] = record(
    (_PREFIX,), lambda values: values[_PREFIX], wanted="paths, like `{prefix: [/api]}`"
)
_TREATMENTS: Final[tuple[PathTreatment, ...]] = ("strict", "redirect", "rewrite")

_ROUTE_HOST: Final = optional("host", _HOSTS, "The hosts that the route is for; all if left out.", None)
_ROUTE_PATH: Final[Key[tuple[str, ...] | None]] = optional(
    "path", _PATHS, "The paths that the route is for; all if left out.", None
)
_ROUTE_UPSTREAM: Final = required(
    "upstream", Shape(_UPSTREAM_NAME.wanted, _UPSTREAM_NAME.schema, _read_upstream), "Who answers."
)
_ROUTE_STRICT: Final = optional("strict_paths", choice(_TREATMENTS), "What becomes of odd paths.", _TREATMENTS[0])


def _route(values: Values) -> Read[RouteSettings]:
    prefixes = values[_ROUTE_PATH]
    return RouteSettings(
        upstream=values[_ROUTE_UPSTREAM],
        hosts=values[_ROUTE_HOST] or HostMatch(),
        prefixes=prefixes or ROOT,
        strict_paths=values[_ROUTE_STRICT],
    )


_ROUTE: Final = record(
    (_ROUTE_HOST, _ROUTE_PATH, _ROUTE_UPSTREAM, _ROUTE_STRICT),
    _route,
    wanted="a route, like `{upstream: app}`",
    also=not_yet("cache", "redirect", "respond", "encoded_slash"),
)

# --- listeners --------------------------------------------------------------------------------------------------------

_MODES: Final = (Mode.FORWARD, Mode.REVERSE)

NAME: Final = required("name", kebab("a name, like `egress`"), "The name of the listener in records.")
_MODE: Final = required("mode", choice(_MODES), "Which way the listener faces.")
BIND: Final = required("bind", text("an address, like `127.0.0.1:8080`").then(parse_bind), "Where it listens.")
_POLICY: Final = required("policy", text("the path of a policy"), "The policy, found from where this file lies.")
_ROUTES: Final[Key[tuple[RouteSettings, ...]]] = optional(
    "routes", sequence(_ROUTE, "[{upstream: app}]"), "Where a reverse listener sends what it lets in.", ()
)
_TRUSTED: Final = optional(
    "trusted_proxies",
    sequence(NETWORK, "[10.0.0.0/24]", may_be_empty=True),
    "Proxies whose word on the client counts.",
    (),
)
_UNVERIFIED: Final = optional("unsafe_skip_verify", BOOLEAN, "Dial TLS servers without checking them.", default=False)


def _check_routes(node: Mapping, spot: Spot) -> None:
    mode, routes = node.get("mode"), node.get("routes")
    facing = mode.text if isinstance(mode, Scalar) else ""
    if facing == Mode.REVERSE and routes is None:
        spot.complain("`routes` is missing: a reverse listener needs one at least, like `[{upstream: app}]`")
    if facing == Mode.FORWARD and routes is not None:
        spot.key("routes", routes).complain("a forward listener has no routes, its clients say where they want to go")


def _listener(values: Values) -> Read[ListenerSettings]:
    return ListenerSettings(
        name=values[NAME],
        mode=values[_MODE],
        bind=values[BIND],
        policy=Path(values[_POLICY]),
        routes=values[_ROUTES],
        trusted_proxies=values[_TRUSTED],
        unsafe_skip_verify=values[_UNVERIFIED],
    )


_LISTENER: Final = record(
    (NAME, _MODE, BIND, _POLICY, _ROUTES, _TRUSTED, _UNVERIFIED),
    _listener,
    wanted="a listener, like `{name: egress, mode: forward, bind: 127.0.0.1:8080, policy: corporate.yaml}`",
    rules=(_check_routes,),
    also=not_yet("tls", "identity", "proxy_protocol", "parent"),
)
LISTENERS: Final = sequence(_LISTENER, "[{name: ..., mode: forward, bind: 127.0.0.1:8080, policy: ...}]")

# --- the rest ---------------------------------------------------------------------------------------------------------

_STOCK: Final = LimitSettings()
_HEAD: Final = optional("head", SIZE, "The largest head of a request.", _STOCK.head)
_FIELDS: Final = optional("fields", integer(1, 10_000), "The most fields of a head.", _STOCK.fields)
_TARGET: Final = optional("target", SIZE, "The longest request target.", _STOCK.target)
_HEAD_TIMEOUT: Final = optional("head_timeout", DURATION, "How long a head may take.", _STOCK.head_timeout)
_BODY: Final = optional("body", SIZE, "The largest body that a reverse listener takes.", _STOCK.body)
_CONNECTIONS: Final = optional("connections", integer(1, _MOST), "The most connections in all.", _STOCK.connections)
_PER_CLIENT: Final = optional(
    "connections_per_client", integer(1, _MOST), "The most connections of one client.", _STOCK.connections_per_client
)


def _limits(values: Values) -> Read[LimitSettings]:
    return LimitSettings(
        head=values[_HEAD],
        fields=values[_FIELDS],
        target=values[_TARGET],
        head_timeout=values[_HEAD_TIMEOUT],
        body=values[_BODY],
        connections=values[_CONNECTIONS],
        connections_per_client=values[_PER_CLIENT],
    )


LIMITS: Final = record(
    (_HEAD, _FIELDS, _TARGET, _HEAD_TIMEOUT, _BODY, _CONNECTIONS, _PER_CLIENT),
    _limits,
    wanted="limits, like `{head: 32KiB}`",
)

_DURABILITY: Final = optional(
    "durability", _only("batched", "sync", "relaxed"), "When records reach the disk.", "batched"
)
_ON_FAILURE: Final = optional("on_failure", _only("closed", "open", "deny_only"), "When they cannot.", "closed")
AUDIT: Final = record(
    (_DURABILITY, _ON_FAILURE),
    lambda _: AuditSettings(),
    wanted="the audit log, like `{durability: batched}`",
    also=not_yet("rotate", "retain", "export"),
)


def _answered_here(name: str) -> str:
    """`db.example` is that name alone, `.example` that name and all below."""
    dot = "." if name.startswith(".") else ""
    return dot + Host.parse(name.removeprefix(".")).text


_HOST_NAME: Final = text("a host name, or `.example` for it and all below").then(_answered_here)
_ADDRESS: Final = text("an address, like `10.0.0.1`").then(Address.parse)
_RESOLVER_HOSTS: Final[Key[dict[str, tuple[Address, ...]]]] = optional(
    "hosts",
    mapping(
        _HOST_NAME,
        sequence(_ADDRESS, "[10.0.0.1]", may_be_empty=True),
        "names with their addresses, like `{db.example: [10.0.0.1]}`",
    ),
    "Names that are answered here and not by the system; no address at all means no such name.",
    {},
)
_TIMEOUT: Final = optional("timeout", DURATION, "How long an answer may take.", 5.0)
RESOLVER: Final = record(
    (_RESOLVER_HOSTS, _TIMEOUT),
    lambda values: ResolverSettings(hosts=values[_RESOLVER_HOSTS], timeout=values[_TIMEOUT]),
    wanted="`{hosts: {db.example: [10.0.0.1]}}`",
)
ENGINE: Final[Shape[Literal["mitmproxy"]]] = _only("mitmproxy", "envoy")
WORKERS: Final = integer(1, 1, "`1`; more than one worker is not supported yet")
CONTACT: Final = text("whom to ask, like `it@example.com`")
STATE: Final = text("the path of a folder")
