"""Routes as the configuration says them, and what they come down to: claims, and what becomes of the paths.

What cannot be right is found here, before anything runs: two claims on the same requests, and one on none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from gateway.policy.errors import Malformed
from gateway.upstreams.claims import Claim, FieldCondition, canonical_path
from gateway.upstreams.rewriting import Rewriting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.policy.names import Host
    from gateway.policy.problems import Place
    from gateway.upstreams.answers import OwnAnswer
    from gateway.upstreams.safety import SecurityPreset

type PathTreatment = Literal["strict", "redirect", "rewrite"]
type EncodedSlash = Literal["refuse", "allow"]


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
    """A route as the configuration says it. Either it names an upstream, or it has an answer of its own."""

    @property
    def hosts(self) -> HostsOfRoute:
        """For which hosts."""
        ...

    @property
    def prefixes(self) -> Sequence[str]:
        """For which beginnings of paths, in whole segments."""
        ...

    @property
    def exact(self) -> Sequence[str]:
        """For which paths, beside those."""
        ...

    @property
    def methods(self) -> Sequence[str]:
        """For which methods; none for all."""
        ...

    @property
    def fields(self) -> Sequence[FieldCondition]:
        """On which conditions on fields, in the order of their names."""
        ...

    @property
    def upstream(self) -> str:
        """The name of the upstream; empty if the route answers by itself."""
        ...

    @property
    def answer(self) -> OwnAnswer | None:
        """What the route answers by itself."""
        ...

    @property
    def strip_prefix(self) -> str | None:
        """What is taken from the beginning of the path."""
        ...

    @property
    def put_prefix(self) -> str | None:
        """What is put there; alone, it stands in the place of the beginning that the route is for."""
        ...

    @property
    def strict_paths(self) -> PathTreatment:
        """What becomes of a path that is not canonical."""
        ...

    @property
    def encoded_slash(self) -> EncodedSlash:
        """What becomes of a path that holds `%2F` or `%5C`."""
        ...

    @property
    def cache(self) -> CacheOfRoute | None:
        """None if no answer is kept."""
        ...

    @property
    def security_fields(self) -> SecurityPreset | None:
        """What is filled into answers; None for what the listener says."""
        ...

    @property
    def place(self) -> Place | None:
        """Where it stands."""
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


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two claims, of which nothing but the order of the file could say which one counts."""

    first: Claim
    first_place: Place | None
    second: Claim
    second_place: Place | None

    def __str__(self) -> str:
        return f"`{self.first}`{_in_line(self.first_place)} and `{self.second}`{_in_line(self.second_place)}"


def conflicts(clauses: Iterable[RouteClause]) -> Iterator[Conflict]:
    """Every claim that an earlier one meets without being more or less specific."""
    seen: dict[tuple[object, ...], list[tuple[Claim, Place | None]]] = {}
    for clause in clauses:
        for claim in claims_of(clause):
            earlier = seen.setdefault(claim.key, [])
            met = next((each for each in earlier if each[0].meets(claim)), None)
            if met is not None:
                yield Conflict(*met, claim, clause.place)
            earlier.append((claim, clause.place))


def never_reached(clauses: Sequence[RouteClause]) -> Iterator[tuple[Claim, Place | None]]:
    """Every claim of which more specific ones leave nothing."""
    claims = [(claim, clause.place) for clause in clauses for claim in claims_of(clause)]
    rivals: dict[tuple[object, ...], list[Claim]] = {}
    for claim, _ in claims:
        if claim.fields:
            rivals.setdefault(claim.key[:-1], []).append(claim)
    for claim, place in claims:
        if claim.is_covered_by(rivals.get(claim.key[:-1], ())):
            yield claim, place


def claims_of(clause: RouteClause) -> Iterator[Claim]:
    """What a route claims, one for each host, path and method that it names. Raises Malformed."""
    hosts: Sequence[Host | None] = (None,) if clause.hosts.operator == "any" else clause.hosts.hosts
    paths = [(canonical_path(path), False) for path in clause.prefixes]
    paths += [(canonical_path(path, exact=True), True) for path in clause.exact]
    methods: Sequence[str | None] = clause.methods or (None,)
    for host in hosts:
        under = clause.hosts.operator == "under" and host is not None and host.address is None
        for path, exact in paths:
            for method in methods:
                yield Claim(host=host, under=under, path=path, exact=exact, method=method, fields=tuple(clause.fields))


def rewriting_of(clause: RouteClause, claim: Claim) -> Rewriting | None:
    """What becomes of the paths of a claim; None if nothing does. Raises Malformed for one that cannot be stripped."""
    if clause.strip_prefix is None and clause.put_prefix is None:
        return None
    taken = claim.path if clause.strip_prefix is None else canonical_path(clause.strip_prefix)
    put = "/" if clause.put_prefix is None else canonical_path(clause.put_prefix)
    rewriting = Rewriting(taken.rstrip("/"), put.rstrip("/"))
    if claim.path != taken and not claim.path.startswith(f"{rewriting.taken}/"):
        raise Malformed(f"`{taken}` cannot be stripped from `{claim.path}`, which does not begin with it")
    return None if rewriting.taken == rewriting.put else rewriting


def _in_line(place: Place | None) -> str:
    return "" if place is None else f" (line {place.line})"
