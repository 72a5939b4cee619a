"""Which route a request of a reverse listener takes: the most specific one, whatever the order of the file.

First the host is found: one named exactly before the longest name that it lies under, before a route for any host.
Then, among the routes of that host alone, the most specific that is for this path, method and fields. A host that no
route names is a misdirected request (421, RFC 9110 section 15.5.20); a path that none of the host's routes names is
not found (404); one that is named, but for other methods, is answered with these (405, RFC 9110 section 15.5.6).
There is no falling back from a host's routes to those of a less specific one: who may be reached under a name is
said where the name is said.

Routes are found by host and path in dictionaries; only those that claim the same path are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.policy.errors import Malformed
from gateway.upstreams.claims import Claim
from gateway.upstreams.clauses import CacheOfRoute, claims_of, conflicts, rewriting_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.policy.headers import Fields
    from gateway.policy.names import Host
    from gateway.upstreams.answers import OwnAnswer
    from gateway.upstreams.clauses import CacheOfRoute, EncodedSlash, PathTreatment, RouteClause, Routed
    from gateway.upstreams.rewriting import Rewriting
    from gateway.upstreams.safety import SecurityPreset


class Server(Protocol):
    """What a route needs to know of a server of an upstream."""

    @property
    def scheme(self) -> Literal["http", "https"]:
        """How it is spoken to."""
        ...

    @property
    def host(self) -> Host:
        """Its name or address."""
        ...

    @property
    def port(self) -> int:
        """Where it listens, 1 to 65535."""
        ...

    @property
    def weight(self) -> int:
        """Its share of the requests, relative to the others'."""
        ...


class Upstream(Protocol):
    """Servers that answer for one another."""

    @property
    def name(self) -> str:
        """The name that routes use."""
        ...

    @property
    def servers(self) -> Sequence[Server]:
        """One or more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route to an upstream that was found. `rewriting` is None if the path is sent as it was judged."""

    upstream: Upstream
    claim: Claim = field(default_factory=Claim)
    rewriting: Rewriting | None = None
    strict_paths: PathTreatment = "strict"
    encoded_slash: EncodedSlash = "refuse"
    cache: CacheOfRoute | None = None
    security_fields: SecurityPreset | None = None

    def __str__(self) -> str:
        servers = ", ".join(f"{each.scheme}://{each.host.authority(each.port)}" for each in self.upstream.servers)
        return f"{self.claim} -> {self.upstream.name} ({servers}){_treatments(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRoute:
    """A route that is answered by the gateway itself: nothing is dialled for it. A kept path is rewritten, too."""

    answer: OwnAnswer
    claim: Claim = field(default_factory=Claim)
    rewriting: Rewriting | None = None
    strict_paths: PathTreatment = "strict"
    encoded_slash: EncodedSlash = "refuse"
    security_fields: SecurityPreset | None = None

    def __str__(self) -> str:
        return f"{self.claim} -> {self.answer}{_treatments(self)}"


type AnyRoute = Route | OwnRoute


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing is served there: 421 for the host, 404 for the path, 405 for the method if others are in `allow`."""

    status: Literal[404, 405, 421]
    allow: tuple[str, ...] = ()


MISDIRECTED: Final = NoRoute(421)
NOT_FOUND: Final = NoRoute(404)

type _ByPath = dict[str, tuple[AnyRoute, ...]]


@dataclass(slots=True)
class _OfHost:
    """The routes of one host, by path, the more specific first.

    `depth` is how many segments the longest prefix has. While there is one route for each prefix and nothing else to
    ask, they are in `plain` as well.
    """

    exact: _ByPath = field(default_factory=dict)
    below: _ByPath = field(default_factory=dict)
    depth: int = 0
    plain: dict[str, AnyRoute] | None = field(default_factory=dict)

    def enter(self, route: AnyRoute) -> None:
        """Add a route; routes come in the order of their claims."""
        claim = route.claim
        routes = self.exact if claim.exact else self.below
        routes[claim.path] = (*routes.get(claim.path, ()), route)
        if not claim.exact:
            self.depth = max(self.depth, claim.path.rstrip("/").count("/"))
        if claim.exact or claim.fields or claim.method is not None:
            self.plain = None
        elif self.plain is not None:
            self.plain[claim.path] = route

    def among(self, path: str, method: str, fields: Fields) -> AnyRoute | NoRoute:
        """The route for a request, where more than the path has to be asked."""
        others = set()
        for found in self.along(path):
            for route in found:
                claim = route.claim
                if claim.fields and not claim.holds(fields):
                    continue
                if claim.method is None or claim.method == method:
                    return route
                others.add(claim.method)
        return NoRoute(405, tuple(sorted(others))) if others else NOT_FOUND

    def along(self, path: str) -> Iterator[tuple[AnyRoute, ...]]:
        """The routes that are for a path, the most specific path first."""
        if path in self.exact:
            yield self.exact[path]
        for prefix in _prefixes(path, self.depth):
            if prefix in self.below:
                yield self.below[prefix]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of one listener, found by host, canonical path, method and fields. Made by `RouteTable.of`.

    `keeps_slashes` tells whether there is a route that lets encoded slashes pass.
    """

    _exact: dict[str, _OfHost] = field(default_factory=dict)
    _under: dict[str, _OfHost] = field(default_factory=dict)
    _any: _OfHost | None = None
    _routes: tuple[AnyRoute, ...] = ()
    keeps_slashes: bool = False

    @classmethod
    def of(cls, listener: Routed, upstreams: Mapping[str, Upstream]) -> RouteTable:
        """The table of a listener. Raises Malformed for two routes that claim the same, or an unknown upstream."""
        for clause in listener.routes:
            if clause.answer is None and clause.upstream not in upstreams:
                raise Malformed(f"listener `{listener.name}`: a route names `{clause.upstream}`, no upstream has it")
        for twice in conflicts(listener.routes):
            raise Malformed(f"listener `{listener.name}`: two routes claim the same: {twice}")
        routes = sorted(
            (route for clause in listener.routes for route in _routes_of(clause, upstreams)),
            key=lambda route: route.claim.order,
        )
        return cls._indexed(tuple(routes))

    @classmethod
    def _indexed(cls, routes: tuple[AnyRoute, ...]) -> RouteTable:
        exact: dict[str, _OfHost] = {}
        under: dict[str, _OfHost] = {}
        everywhere = _OfHost()
        for route in routes:
            claim = route.claim
            of = under if claim.under else exact
            (everywhere if claim.host is None else of.setdefault(claim.host.text, _OfHost())).enter(route)
        anywhere = everywhere if everywhere.exact or everywhere.below else None
        return cls(exact, under, anywhere, routes, any(each.encoded_slash == "allow" for each in routes))

    def find(self, host: Host, path: str, method: str, fields: Fields) -> AnyRoute | NoRoute:
        """The route of a request; `path` is the canonical path that was judged, `fields` those that go on."""
        routes = self._of_host(host)
        if routes is None:
            return MISDIRECTED
        if routes.plain is not None:
            for prefix in _prefixes(path, routes.depth):
                if prefix in routes.plain:
                    return routes.plain[prefix]
            return NOT_FOUND
        return routes.among(path, method, fields)

    @property
    def upstreams(self) -> frozenset[str]:
        """The names of those that requests are sent to."""
        return frozenset(each.upstream.name for each in self._routes if isinstance(each, Route))

    def in_order(self) -> list[AnyRoute]:
        """All routes, those that are asked first at the front."""
        return list(self._routes)

    def _of_host(self, host: Host) -> _OfHost | None:
        if host.text in self._exact:
            return self._exact[host.text]
        if self._under:
            for name in host.parents():
                if name in self._under:
                    return self._under[name]
        return self._any


def _routes_of(clause: RouteClause, upstreams: Mapping[str, Upstream]) -> Iterator[AnyRoute]:
    for claim in claims_of(clause):
        rewriting, odd, slash = rewriting_of(clause, claim), clause.strict_paths, clause.encoded_slash
        security = clause.security_fields
        if clause.answer is None:
            yield Route(
                upstream=upstreams[clause.upstream],
                claim=claim,
                rewriting=rewriting,
                strict_paths=odd,
                encoded_slash=slash,
                cache=clause.cache,
                security_fields=security,
            )
        else:
            yield OwnRoute(
                answer=clause.answer,
                claim=claim,
                rewriting=rewriting,
                strict_paths=odd,
                encoded_slash=slash,
                security_fields=security,
            )


def _treatments(route: AnyRoute) -> str:
    said = [] if route.rewriting is None else [str(route.rewriting)]
    said += [] if route.strict_paths == "strict" else [f"odd paths {route.strict_paths}"]
    said += [] if route.encoded_slash == "refuse" else ["encoded slashes kept"]
    said += [] if route.security_fields is None else [f"security fields {route.security_fields}"]
    said += ["answers kept"] if isinstance(route, Route) and route.cache is not None else []
    return "".join(f", {each}" for each in said)


def _prefixes(path: str, depth: int) -> Iterator[str]:
    """The path and its beginnings in whole segments, the longest first, `depth` segments at most; `*` has `/` alone."""
    rest = path.rstrip("/") if path.startswith("/") else ""
    if rest.count("/") > depth:
        rest = "/".join(rest.split("/", depth + 1)[: depth + 1])
    while rest:
        yield rest
        rest = rest[: rest.rfind("/")]
    yield "/"
