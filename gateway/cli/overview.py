"""What a start would run: every listener with its policy and its routes, and everything that is wrong with them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.settings import DIRECT
from gateway.lists.load import load_lists
from gateway.policy.compile import compile_policy
from gateway.policy.language.document import read_policy
from gateway.policy.problems import Invalid, Place, Problem
from gateway.upstreams.trust import read_trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.settings import HostMatch, ListenerSettings, RouteSettings, Settings
    from gateway.policy.addresses import Address
    from gateway.policy.language.document import PolicyDocument


@dataclass(frozen=True, slots=True)
class Examined:
    """A listener whose policy can be enforced. `notices` are about its lists, in sentences."""

    listener: ListenerSettings
    policy: PolicyDocument
    notices: tuple[str, ...]


def examine(settings: Settings) -> tuple[Examined, ...]:
    """Read, check and compile the policy of every listener, and whom upstreams are vouched for by.

    Raises Invalid with the problems of all of them.
    """
    own = frozenset(listener.bind for listener in settings.listeners)
    examined: list[Examined] = []
    problems: list[Problem] = []
    for listener in settings.listeners:
        try:
            examined.append(_examined(listener, own))
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
    return "".join(f"{line}\n" for each in examine(settings) for line in _lines(each, settings))


def _examined(listener: ListenerSettings, own: frozenset[tuple[Address, int]]) -> Examined:
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
    return Examined(listener, policy, tuple(map(str, lists.notices)))


def _lines(examined: Examined, settings: Settings) -> Iterator[str]:
    listener, policy = examined.listener, examined.policy
    entry = "" if listener.entry == "proxy" else f" ({listener.entry})"
    yield f"{listener.name}: {listener.mode}{entry} on {listener.endpoint}"
    yield f"  policy {policy.name} ({listener.policy}): {_contents(policy)}"
    for route in listener.routes:
        yield f"  {_reach(route)} -> {route.upstream} ({_listed(settings.upstreams[route.upstream].servers)})"
    for rule in listener.parent:
        yield f"  {_hosts(rule.hosts)} -> {_way(rule.via, settings)}"
    for notice in examined.notices:
        yield f"  notice: {notice}"


def _contents(policy: PolicyDocument) -> str:
    counts = {
        "guardrail": len(policy.guardrails),
        "rule": len(policy.rules),
        "exception": len(policy.exceptions),
        "limit": len(policy.limits),
    }
    named = [f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items() if count]
    return ", ".join([*named, f"default {policy.default.action}"])


def _reach(route: RouteSettings) -> str:
    return f"{_hosts(route.hosts)}, path below {_listed(route.prefixes)}"


def _hosts(wanted: HostMatch) -> str:
    return "any host" if wanted.operator == "any" else f"host {wanted.operator} {_listed(wanted.hosts)}"


def _way(via: str, settings: Settings) -> str:
    if via == DIRECT:
        return via
    parent = settings.parents[via]
    return f"{via} ({parent.scheme}://{parent.host.authority(parent.port)}, names resolved by the {parent.resolves})"


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(map(str, values))
