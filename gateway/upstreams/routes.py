"""Which upstream a request of a reverse listener goes to: the most specific route wins, whatever the order of the file.

First the host is found: one named exactly before the longest name that it lies under, before a route for any host.
Then, among the routes of that host alone, the longest prefix of whole path segments. A host that no route names is a
misdirected request (421, RFC 9110 section 15.5.20); a path that none of the host's routes names is not found (404).
There is no falling back from a host's routes to those of a less specific one: who may be reached under a name is
said where the name is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from gateway.policy.errors import Malformed
from gateway.policy.paths import REVERSE_RULES, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.policy.names import Host

type PathTreatment = Literal["strict", "redirect", "rewrite"]


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


class HostsOfRoute(Protocol):
    """The hosts that a route is for, as the configuration says it."""

    @property
    def operator(self) -> Literal["any", "is", "under"]:
        """How `hosts` are meant."""
        ...

    @property
    def hosts(self) -> Sequence[Host]:
        """Nothing for `any`."""
        ...


class CacheOfRoute(Protocol):
    """How much may be kept of a route's answers."""

    @property
    def size(self) -> int:
        """All answers together, in bytes."""
        ...

    @property
    def largest(self) -> int:
        """Every one, in bytes."""
        ...


class RouteClause(Protocol):
    """A route as the configuration says it."""

    @property
    def hosts(self) -> HostsOfRoute:
        """For which hosts."""
        ...

    @property
    def prefixes(self) -> Sequence[str]:
        """For which beginnings of paths, in whole segments."""
        ...

    @property
    def upstream(self) -> str:
        """The name of the upstream."""
        ...

    @property
    def strict_paths(self) -> PathTreatment:
        """What becomes of a path that is not canonical."""
        ...

    @property
    def cache(self) -> CacheOfRoute | None:
        """None if no answer is kept."""
        ...


class Routed(Protocol):
    """A listener that has routes."""

    @property
    def name(self) -> str:
        """Its name, for errors."""
        ...

    @property
    def routes(self) -> Sequence[RouteClause]:
        """In the order of the file, which means nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route that was found. `host` is None for any host; `under` tells whether names below it count too."""

    upstream: Upstream
    prefix: str
    host: Host | None = None
    under: bool = False
    strict_paths: PathTreatment = "strict"
    cache: CacheOfRoute | None = None

    def __str__(self) -> str:
        hosts = "any host" if self.host is None else f"under {self.host}" if self.under else str(self.host)
        servers = ", ".join(f"{each.scheme}://{each.host.authority(each.port)}" for each in self.upstream.servers)
        return f"{hosts} {self.prefix} -> {self.upstream.name} ({servers}), paths {self.strict_paths}"


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing is served there: 421 for the host, 404 for the path."""

    status: Literal[404, 421]


MISDIRECTED = NoRoute(421)
NOT_FOUND = NoRoute(404)

type _ByPrefix = dict[str, Route]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The routes of one listener, found by host and canonical path. Made by `RouteTable.of`."""

    _exact: dict[str, _ByPrefix] = field(default_factory=dict)
    _under: dict[str, _ByPrefix] = field(default_factory=dict)
    _any: _ByPrefix = field(default_factory=dict)

    @classmethod
    def of(cls, listener: Routed, upstreams: Mapping[str, Upstream]) -> RouteTable:
        """The table of a listener. Raises Malformed for two routes that claim the same, or an unknown upstream."""
        table = cls()
        for clause in listener.routes:
            if clause.upstream not in upstreams:
                raise Malformed(f"listener `{listener.name}`: a route names `{clause.upstream}`, no upstream has it")
            for route in _routes_of(clause, upstreams[clause.upstream]):
                earlier = table._claim(route)
                if earlier is not None:
                    raise Malformed(f"listener `{listener.name}`: two routes claim the same: `{earlier}` and `{route}`")
        return table

    def find(self, host: Host, path: str) -> Route | NoRoute:
        """The route of a request; `path` is the canonical path that will be sent."""
        routes = self._of_host(host)
        if not routes:
            return MISDIRECTED
        for prefix in _prefixes(path):
            if prefix in routes:
                return routes[prefix]
        return NOT_FOUND

    def in_order(self) -> list[Route]:
        """All routes, those that are asked first at the front."""
        exact = [route for _, routes in sorted(self._exact.items()) for route in _longest_first(routes)]
        names = sorted(self._under, key=lambda name: (-name.count("."), name))
        under = [route for name in names for route in _longest_first(self._under[name])]
        return [*exact, *under, *_longest_first(self._any)]

    def _of_host(self, host: Host) -> _ByPrefix:
        if host.text in self._exact:
            return self._exact[host.text]
        for name in host.parents():
            if name in self._under:
                return self._under[name]
        return self._any

    def _claim(self, route: Route) -> Route | None:
        """Enter a route; the one that has its place already, if there is one."""
        if route.host is None:
            routes = self._any
        else:
            routes = (self._under if route.under else self._exact).setdefault(route.host.text, {})
        entered = routes.setdefault(route.prefix, route)
        return None if entered is route else entered


def _routes_of(clause: RouteClause, upstream: Upstream) -> Iterator[Route]:
    hosts: Sequence[Host | None] = (None,) if clause.hosts.operator == "any" else clause.hosts.hosts
    for host in hosts:
        for prefix in clause.prefixes:
            yield Route(
                upstream=upstream,
                prefix=Target.parse(prefix, REVERSE_RULES).path.rstrip("/") or "/",
                host=host,
                under=clause.hosts.operator == "under" and host is not None and host.address is None,
                strict_paths=clause.strict_paths,
                cache=clause.cache,
            )


def _prefixes(path: str) -> Iterator[str]:
    """The path and its beginnings in whole segments, the longest first: `/a/b`, `/a`, `/`. `*` has none but `/`."""
    rest = path.rstrip("/") if path.startswith("/") else ""
    while rest:
        yield rest
        rest = rest[: rest.rfind("/")]
    yield "/"


def _longest_first(routes: _ByPrefix) -> list[Route]:
    return [
        routes[prefix] for prefix in sorted(routes, key=lambda prefix: (-len(prefix.rstrip("/").split("/")), prefix))
    ]
