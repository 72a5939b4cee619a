"""What belongs to a decision besides the verdict: which facts were missing, and which list entry matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.matchers.address import client_views, destination_views, destinations
from gateway.policy.matchers.host import host_of, sni_of
from gateway.policy.matchers.words import READERS
from gateway.policy.model import UNKNOWN, FactName, ListHit, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.policy.compiled import CompiledRule, Finder
    from gateway.policy.language.conditions import Condition
    from gateway.policy.lists import ListContent
    from gateway.policy.model import Facts


def _query_of(facts: Facts) -> object:
    target = facts.target
    return UNKNOWN if not isinstance(target, Missing) and target.query_hidden else target


_READ: Final[Mapping[FactName, Callable[[Facts], object]]] = {
    **READERS,
    FactName.CLIENT_IP: lambda facts: facts.client_ip,
    FactName.DESTINATION_IP: destinations,
    FactName.HOST: host_of,
    FactName.TLS_SNI: sni_of,
    FactName.PATH: lambda facts: facts.target,
    FactName.QUERY: _query_of,
    FactName.HEADER: lambda facts: facts.headers,
    FactName.REQUEST_SIZE: lambda facts: facts.request_size,
    FactName.RESPONSE_SIZE: lambda facts: facts.response_size,
    FactName.GROUP: lambda facts: facts.groups,
    FactName.TIME: lambda facts: facts.now,
}


def value_of(facts: Facts, name: FactName) -> object:
    """The value of a fact by its name in a policy: UNKNOWN, ABSENT, or what is known."""
    return _READ[name](facts)


def unknown_facts(rules: Iterable[CompiledRule], facts: Facts) -> tuple[FactName, ...]:
    """The facts that the rules look at and nobody knows, by name."""
    looked_at = frozenset(name for rule in rules for name in rule.clause.facts)
    return tuple(sorted(name for name in looked_at if value_of(facts, name) is UNKNOWN))


def hit_of(rule: CompiledRule, facts: Facts) -> ListHit | None:
    """The first list entry that made the rule match, if a list did."""
    return next((hit for find in rule.clause.finders if (hit := find(facts)) is not None), None)


def name_finder(condition: Condition, content: ListContent) -> Finder:
    """Finds the entry of a domain list for the host or the SNI."""
    read = host_of if condition.name == FactName.HOST else sni_of

    def find(facts: Facts) -> ListHit | None:
        host = read(facts)
        if content.domains is None or isinstance(host, Missing):
            return None
        entry = content.domains.find(host)
        return None if entry is None else _hit(content, entry, facts)

    return find


def network_finder(condition: Condition, content: ListContent) -> Finder:
    """Finds the entry of a network list for the client or a destination."""
    read = client_views if condition.name == FactName.CLIENT_IP else destination_views

    def find(facts: Facts) -> ListHit | None:
        views = read(facts)
        if content.networks is None or isinstance(views, Missing):
            return None
        entry = next((entry for view in views if (entry := content.networks.find(view)) is not None), None)
        return None if entry is None else _hit(content, str(entry), facts)

    return find


def _hit(content: ListContent, entry: str, facts: Facts) -> ListHit:
    age = None if content.modified is None else max(facts.now - content.modified, 0.0)
    return ListHit(content.name, entry, age)
