"""Where an admitted request would go: the place it names in forward mode, a server of its route in reverse mode.

Source of the statuses: RFC 9110 section 15.5.20 (421) for a host that no route serves, 404 for a path without one,
15.5.6 (405) for a path that is served for other methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from addons.judging.exchange import known
from addons.judging.refusals import Refusal, refusal
from gateway.policy.model import ABSENT, Facts, Reason, refuse
from gateway.upstreams.routes import NoRoute, OwnRoute

if TYPE_CHECKING:
    from addons.judging.exchange import ConnectionState, Endpoint
    from gateway.lists.geography import Geography
    from gateway.policy.addresses import Address
    from gateway.policy.gate import Gate
    from gateway.policy.names import Host
    from gateway.policy.paths import Target
    from gateway.upstreams.parents import Parent
    from gateway.upstreams.routes import Route

_SERVED_OTHERWISE = 308
_OTHER_METHODS = 405


@dataclass(frozen=True, slots=True)
class Destination:
    """Scheme, host and port to dial; `route` is None in forward mode, `parent` unless another proxy dials it."""

    scheme: str
    host: Host
    port: int
    route: Route | None = None
    parent: Parent | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The name under which its addresses are judged and its connections kept."""
        return (self.host.text, self.port)


def destination_of(state: ConnectionState, facts: Facts) -> Destination | Route | OwnRoute | Refusal:
    """Where a request goes: a place, a route to several, one that answers by itself; or the refusal of any other."""
    routes = state.listener.routes
    if routes is None:
        return tunnel_destination(state, facts, "http" if facts.scheme == "http" else "https")
    host, target = known(facts.host), known(facts.target)
    found = routes.find(host, target.path, known(facts.method), known(facts.headers))
    if isinstance(found, NoRoute):
        return _nothing_there(found)
    if found.encoded_slash == "refuse" and target.holds_separator:
        return refusal(Reason.MALFORMED_REQUEST, "An encoded `/` or `\\` is not allowed here.")
    if target.changed and found.strict_paths != "rewrite":
        return _not_canonical(target, found.strict_paths)
    return found


def _nothing_there(found: NoRoute) -> Refusal:
    if found.status != _OTHER_METHODS:
        return Refusal(refuse(Reason.NO_ROUTE, "Nothing is served here."), found.status)
    allow = ", ".join(found.allow).encode("ascii")
    return Refusal(refuse(Reason.NO_ROUTE, "This is served for other methods."), found.status, ((b"Allow", allow),))


def path_sent(target: Target, route: Route) -> str | None:
    """The path that is sent, if the route makes another of it."""
    sent = target.path if route.rewriting is None else route.rewriting.there(target.path)
    return None if sent == target.path else sent


def located(facts: Facts, addresses: tuple[Address, ...], gate: Gate, geography: Geography) -> Facts:
    """The facts with where the request would go, on the net and, if the policy has a database, on the map.

    No `addresses` are none of ours to know: whoever passes the request on resolves the name.
    """
    databases = gate.policy.databases
    if not addresses:
        return facts.learning(destination_ips=ABSENT)
    if not databases:
        return facts.learning(destination_ips=addresses)
    place = geography.find(databases, addresses)
    return facts.learning(destination_ips=addresses, destination_country=place.country, destination_asn=place.asn)


def tunnel_destination(state: ConnectionState, facts: Facts, scheme: str = "https") -> Destination:
    """Where a tunnel goes, or a request in forward mode: to the place that it names, or to a parent on the way."""
    host = known(facts.host)
    return Destination(scheme, host, known(facts.port), parent=state.listener.parents.find(host))


def _not_canonical(target: Target, way: Literal["strict", "redirect"]) -> Refusal:
    decision = refuse(Reason.NOT_CANONICAL, "The path has another, canonical spelling.")
    if way == "strict":
        return Refusal(decision)
    return Refusal(decision, _SERVED_OTHERWISE, ((b"Location", target.sent.encode("ascii")),))
