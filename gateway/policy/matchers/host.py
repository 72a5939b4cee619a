"""Conditions on names: `host` and `tls.sni`, by `is`, `under`, `below` and lists.

A name is compared label by label from the right, so `under: example.com` never matches `badexample.com`. An address
literal has no parents: it is only ever compared as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.language.conditions import ListRef
from gateway.policy.matchers.sides import single
from gateway.policy.model import FactName
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.policy.domains import DomainSet
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Condition
    from gateway.policy.matchers.context import Context
    from gateway.policy.model import Fact, Facts


def host_matcher(condition: Condition, context: Context) -> Matcher:
    """A condition on `host` or `tls.sni`."""
    read = host_of if condition.name == FactName.HOST else sni_of
    if condition.operator == "in":
        return single(read, _listed(domain_lists(condition, context)))
    names = frozenset(value.text for value in condition.values if isinstance(value, Host))
    return single(read, {"is": _exactly, "under": _under, "below": _below}[condition.operator](names))


def host_of(facts: Facts) -> Fact[Host]:
    """The host that the request names."""
    return facts.host


def sni_of(facts: Facts) -> Fact[Host]:
    """The name that the TLS hello asks for."""
    return facts.tls_sni


def domain_lists(condition: Condition, context: Context) -> tuple[DomainSet, ...]:
    """The domain lists that a condition names, in its order."""
    contents = [context.lists[value.name] for value in condition.values if isinstance(value, ListRef)]
    return tuple(content.domains for content in contents if content.domains is not None)


def _listed(lists: tuple[DomainSet, ...]) -> Callable[[Host], bool]:
    if len(lists) == 1:
        find = lists[0].find
        return lambda host: find(host) is not None
    return lambda host: any(names.find(host) is not None for names in lists)


def _exactly(names: frozenset[str]) -> Callable[[Host], bool]:
    return lambda host: host.text in names


def _under(names: frozenset[str]) -> Callable[[Host], bool]:
    return lambda host: host.text in names or not names.isdisjoint(host.parents())


def _below(names: frozenset[str]) -> Callable[[Host], bool]:
    return lambda host: any(name in names for name in host.parents() if name != host.text)
