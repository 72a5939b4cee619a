"""What a start would run: every listener with its policy and its routes, and everything that is wrong with them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.config.settings import DIRECT
from gateway.control.fronts import read_shopfront
from gateway.lists.load import load_lists
from gateway.policy.compile import compile_policy
from gateway.policy.language.document import read_policy
from gateway.policy.problems import Invalid, Place, Problem
from gateway.upstreams.clauses import never_reached
from gateway.upstreams.routes import Route, RouteTable
from gateway.upstreams.trust import read_trust

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.config.settings import HostMatch, ListenerSettings, Settings, UpstreamSettings
    from gateway.control.fronts import Shopfront
    from gateway.policy.addresses import Address
    from gateway.policy.language.document import PolicyDocument
    from gateway.upstreams.routes import AnyRoute

_PARTS: Final = {"guardrails": "guardrail", "rules": "rule", "exceptions": "exception", "limits": "limit"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A listener that can run. `notices` are about its lists and certificates, in sentences."""

    listener: ListenerSettings
    policy: PolicyDocument
    notices: tuple[str, ...]
    shopfront: Shopfront | None = None


def examine(settings: Settings) -> tuple[Examined, ...]:
    """Read, check and compile the policy of every listener, and whom upstreams are vouched for by.

    Raises Invalid with the problems of all of them.
    """
    own = frozenset(listener.bind for listener in settings.listeners)
    examined: list[Examined] = []
    problems: list[Problem] = []
    for listener in settings.listeners:
        shopfront = None
        try:
            shopfront = None if listener.tls is None else read_shopfront(listener.tls, time.time())
        except Invalid as error:
            problems += error.problems
        try:
            examined.append(_examined(listener, own, shopfront))
        except Invalid as error:
            problems += error.problems
    try:
        read_trust(settings.upstream_tls, time.time())
    except Invalid as error:
        problems += error.problems
    if problems:
        raise Invalid(problems)
    return tuple(examined)


def overview(settings: Settings) -> str:
    """What would run, in lines for people. Raises Invalid."""
    lines = [line for each in examine(settings) for line in _lines(each, settings)]
    lines += [f"upstream {name}: {_listed(_servers(each))}" for name, each in settings.upstreams.items()]
    return "".join(f"{line}\n" for line in lines)


def overview_data(settings: Settings) -> dict[str, Any]:
    """What would run, for programs: routes in the order in which they are asked. Raises Invalid."""
    return {
        "listeners": [_listener_data(each, settings) for each in examine(settings)],
        "upstreams": {name: _servers(each) for name, each in settings.upstreams.items()},
    }


def _examined(listener: ListenerSettings, own: frozenset[tuple[Address, int]], shopfront: Shopfront | None) -> Examined:
    try:
        text = listener.policy.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        problem = Problem(Place(str(listener.policy), 1, 1), "", f"the policy cannot be read: {reason}")
        raise Invalid([problem]) from None
    policy = read_policy(text, str(listener.policy))
    lists = load_lists(policy.lists, listener.policy.parent, None, time.time())
    if lists.problems:
        raise Invalid(lists.problems)
    compile_policy(policy, lists.contents, mode=listener.mode, own=own)
    notices = (*map(str, lists.notices), *(() if shopfront is None else shopfront.notices))
    return Examined(listener, policy, notices, shopfront)


def _lines(examined: Examined, settings: Settings) -> Iterator[str]:
    listener, policy = examined.listener, examined.policy
    entry = "" if listener.entry == "proxy" else f" ({listener.entry})"
    yield f"{listener.name}: {listener.mode}{entry} on {listener.endpoint}"
    yield f"  policy {policy.name} ({listener.policy}): {_contents(policy)}"
    if examined.shopfront is not None:
        yield f"  TLS for {', '.join(_shown(examined.shopfront))}; client certificates {examined.shopfront.client_auth}"
    if listener.proxy_protocol:
        yield f"  clients are named by balancers in {', '.join(map(str, listener.proxy_protocol))}"
    for route in _routes(listener, settings):
        yield f"  {route}"
    for claim, place in never_reached(listener.routes):
        where = "" if place is None else f" (line {place.line})"
        yield f"  notice: no request takes the route for {claim}{where}, more specific ones leave nothing to it"
    for rule in listener.parent:
        yield f"  {_hosts(rule.hosts)} -> {_way(rule.via, settings)}"
    for notice in examined.notices:
        yield f"  notice: {notice}"


def _shown(shopfront: Shopfront) -> list[str]:
    """The hosts for which there is a certificate."""
    named = sorted(name for each in shopfront.shown for name in each.names)
    return [*named, *("any other host" for each in shopfront.shown if each.is_default)]


def _listener_data(examined: Examined, settings: Settings) -> dict[str, Any]:
    listener, policy = examined.listener, examined.policy
    return {
        "name": listener.name,
        "mode": listener.mode.value,
        "entry": listener.entry,
        "bind": listener.endpoint,
        "policy": {"name": policy.name, "file": str(listener.policy), **_counts(policy)},
        "tls": None if examined.shopfront is None else _shown(examined.shopfront),
        "proxy_protocol": list(map(str, listener.proxy_protocol)),
        "routes": [_route_data(each) for each in _routes(listener, settings)],
        "never_reached": [str(claim) for claim, _ in never_reached(listener.routes)],
        "parent": [{"hosts": _hosts(rule.hosts), "via": rule.via} for rule in listener.parent],
        "notices": list(examined.notices),
    }


def _route_data(route: AnyRoute) -> dict[str, Any]:
    claim = route.claim
    action = {"upstream": route.upstream.name} if isinstance(route, Route) else {"answer": str(route.answer)}
    return {
        "host": None if claim.host is None else str(claim.host),
        "under": claim.under,
        "path": claim.path,
        "exact": claim.exact,
        "method": claim.method,
        "fields": [str(condition) for condition in claim.fields],
        **action,
        "rewriting": None if route.rewriting is None else str(route.rewriting),
        "strict_paths": route.strict_paths,
        "encoded_slash": route.encoded_slash,
    }


def _routes(listener: ListenerSettings, settings: Settings) -> list[AnyRoute]:
    return RouteTable.of(listener, settings.upstreams).in_order()


def _servers(upstream: UpstreamSettings) -> list[str]:
    return [f"{server}{f' (weight {server.weight})' if server.weight > 1 else ''}" for server in upstream.servers]


def _contents(policy: PolicyDocument) -> str:
    counts = _counts(policy)
    named = [f"{counts[key]} {what}{'s' * (counts[key] != 1)}" for key, what in _PARTS.items() if counts[key]]
    return ", ".join([*named, f"default {policy.default.action}"])


def _counts(policy: PolicyDocument) -> dict[str, Any]:
    return {**{key: len(getattr(policy, key)) for key in _PARTS}, "default": str(policy.default.action)}


def _hosts(wanted: HostMatch) -> str:
    return "any host" if wanted.operator == "any" else f"host {wanted.operator} {_listed(wanted.hosts)}"


def _way(via: str, settings: Settings) -> str:
    if via == DIRECT:
        return via
    parent = settings.parents[via]
    return f"{via} ({parent.scheme}://{parent.host.authority(parent.port)}, names resolved by the {parent.resolves})"


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))
