"""Conditions on addresses: `client.ip` and `destination.ip`, by network, class and list.

An address is looked at together with every IPv4 address embedded in it (NAT64, 6to4, Teredo, ISATAP): whoever dials
the outer one may reach the inner one. A host that is an address literal is its own destination, and no resolution
can make it another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.addresses import AddressClass, Network, in_class
from gateway.policy.language.conditions import ListRef
from gateway.policy.matchers.sides import Side, several
from gateway.policy.model import UNKNOWN, FactName, Missing
from gateway.policy.networks import AddressSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.policy.addresses import Address
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Condition
    from gateway.policy.matchers.context import Context
    from gateway.policy.model import Fact, Facts


def address_matcher(condition: Condition, context: Context, side: Side) -> Matcher:
    """A condition on `client.ip` or `destination.ip`."""
    read = client_views if condition.name == FactName.CLIENT_IP else destination_views
    inside = membership(condition.values, context)
    if condition.operator == "in":
        return several(read, inside, side)
    return several(read, lambda address: not inside(address), side, absent=side is Side.RESTRAINS)


def client_views(facts: Facts) -> Fact[tuple[Address, ...]]:
    """The client's address and what is embedded in it."""
    client = facts.client_ip
    if isinstance(client, Missing):
        return client
    return (client, *client.embedded)


def destinations(facts: Facts) -> Fact[tuple[Address, ...]]:
    """The addresses that may be dialled: a literal host's own, and those that its name resolved to.

    No address at all is as good as unknown: nobody judged where the request goes.
    """
    host, resolved = facts.host, facts.destination_ips
    literal = None if isinstance(host, Missing) else host.address
    if isinstance(resolved, Missing) or not resolved:
        return (literal,) if literal is not None else UNKNOWN
    return (literal, *resolved) if literal is not None and literal not in resolved else resolved


def leads_astray(facts: Facts) -> bool:
    """Whether the host is an address literal, and other addresses may be dialled for it, as in front of servers."""
    host, resolved = facts.host, facts.destination_ips
    if isinstance(host, Missing) or host.address is None or isinstance(resolved, Missing):
        return False
    return any(each != host.address for each in resolved)


def destination_views(facts: Facts) -> Fact[tuple[Address, ...]]:
    """The destinations and what is embedded in them."""
    found = destinations(facts)
    if isinstance(found, Missing):
        return found
    return tuple(view for address in found for view in (address, *address.embedded))


def membership(values: Iterable[object], context: Context) -> Callable[[Address], bool]:
    """Whether an address lies in one of the networks, classes and lists."""
    values = tuple(values)
    parts: list[Callable[[Address], bool]] = []
    networks = [value for value in values if isinstance(value, Network)]
    if networks:
        parts.append(_inside(AddressSet.of(networks)))
    parts += [_of_class(value) for value in values if isinstance(value, AddressClass)]
    listed = [context.lists[value.name].networks for value in values if isinstance(value, ListRef)]
    parts += [_inside(found) for found in listed if found is not None]
    if len(parts) == 1:
        return parts[0]
    return lambda address: any(part(address) for part in parts)


def _inside(networks: AddressSet) -> Callable[[Address], bool]:
    find = networks.find
    return lambda address: find(address) is not None


def _of_class(wanted: AddressClass) -> Callable[[Address], bool]:
    return lambda address: in_class(address, wanted)
