"""From evidence to the smallest allow-list: which rules let through what was seen, and no more than was said.

Places that were used in the same way share a rule. A rule never lets through a port, a method or, behind a reverse
listener, a path with which none of its places was used; names and paths are taken together only as
`gateway.replay.names` and `gateway.replay.paths` say.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed
from gateway.policy.model import Mode
from gateway.replay import names, paths
from gateway.replay.evidence import Evidence, Seen, Use, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEIGHBOURS: Final = {4: 24, 6: 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much evidence is asked for, and when many stand for all. `by_client` allows only clients that were seen."""

    at_least: int = 1
    enough: int = 8
    by_client: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """How places are used that share a rule: `operator` is of their hosts, or of their paths under one `host`."""

    kind: str
    scheme: str
    port: int
    methods: tuple[str, ...]
    host: str
    operator: str
    clients: tuple[str, ...]


@dataclass(slots=True)
class Learnt:
    """The rules: for every way its items, hosts or paths, with what was seen of each."""

    mode: Mode
    rules: dict[Way, dict[str, Seen]] = field(default_factory=dict)
    tunnel_ports: dict[int, Seen] = field(default_factory=dict)
    special: dict[str, Seen] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    whole: Seen = field(default_factory=Seen)


def learn(evidence: Evidence, bounds: Bounds) -> Learnt:
    """The rules for what was seen. Raises Malformed if clients are asked for whose addresses are not on record."""
    learnt = Learnt(evidence.mode, tunnel_ports=evidence.tunnel_ports, special=evidence.special, whole=evidence.seen)
    untold = dict(evidence.untold)
    rows = _by_path(evidence, bounds, untold) if evidence.mode is Mode.REVERSE else _by_host(evidence, bounds)
    weak = 0
    for (kind, scheme, port, host, operator, text), uses in sorted(rows.items()):
        seen = joined([each for _, each in uses])
        if seen.count < bounds.at_least:
            weak += seen.count
            continue
        methods = tuple(sorted({use.method for use, _ in uses if use.method}))
        way = Way(kind, scheme, port, methods, host, operator, _clients(seen, bounds))
        learnt.rules.setdefault(way, {})[text] = seen
    learnt.notes += [f"{count} requests taught nothing: {why}" for why, count in sorted(untold.items())]
    if weak:
        learnt.notes.append(f"{weak} requests were too few for evidence: fewer than {bounds.at_least} of a kind")
    return learnt


type _Row = tuple[str, str, int, str, str, str]
"""Kind, scheme, port, host (behind a reverse listener), operator and text of an item."""
type _Rows = Mapping[_Row, list[tuple[Use, Seen]]]


def _by_host(evidence: Evidence, bounds: Bounds) -> _Rows:
    rows: defaultdict[_Row, list[tuple[Use, Seen]]] = defaultdict(list)
    for kind in ("http", "tls", "tcp"):
        uses = {use: seen for use, seen in evidence.uses.items() if use.kind == kind}
        enough = len(uses) + 1 if kind == "tcp" else bounds.enough  # what is passed on unread and untold is named
        stands = names.generalised({use.host for use in uses}, enough)
        for use, seen in uses.items():
            name = stands[use.host]
            rows[kind, use.scheme, use.port, "", name.operator, name.text].append((use, seen))
    return rows


def _by_path(evidence: Evidence, bounds: Bounds, untold: dict[str, int]) -> _Rows:
    rows: defaultdict[_Row, list[tuple[Use, Seen]]] = defaultdict(list)
    spots: defaultdict[tuple[str, str, int], dict[Use, Seen]] = defaultdict(dict)
    for use, seen in evidence.uses.items():
        spots[use.host, use.scheme, use.port][use] = seen
    for (host, scheme, port), uses in spots.items():
        places = paths.generalised({use.path for use in uses}, bounds.enough)
        for use, seen in uses.items():
            place = places[use.path]
            if place is None:
                why = "nothing of their path can be written into a policy"
                untold[why] = untold.get(why, 0) + seen.count
                continue
            rows["http", scheme, port, host, place.operator, place.text].append((use, seen))
    return rows


def _clients(seen: Seen, bounds: Bounds) -> tuple[str, ...]:
    if not bounds.by_client:
        return ()
    try:
        known = {ip_network(client) for client in seen.clients}
    except ValueError:
        raise Malformed(
            "the log does not hold the addresses of all clients, so nothing can be learnt by client"
        ) from None
    return tuple(str(each) for version in (4, 6) for each in _merged(known, version, bounds.enough))


def _merged(known: Iterable[IPv4Network | IPv6Network], version: int, enough: int) -> list[IPv4Network | IPv6Network]:
    """Networks of one version, joined; a neighbourhood stands for its clients where many were seen."""
    near: defaultdict[IPv4Network | IPv6Network, set[IPv4Network | IPv6Network]] = defaultdict(set)
    for each in known:
        if each.version == version:
            wide = each.prefixlen <= _NEIGHBOURS[version]
            near[each if wide else each.supernet(new_prefix=_NEIGHBOURS[version])].add(each)
    found = [each for street, houses in near.items() for each in ({street} if len(houses) >= enough else houses)]
    return sorted(collapse_addresses(found))  # type: ignore[type-var]  # all are of one version
