"""The guardrails that stand in every forward policy, whatever the policy says.

- `builtin-special`: no special-purpose destination (loopback, private, link-local, metadata, ...), no name that
  clouds use for their metadata service, no name under `localhost` unless loopback is open, and never one of the
  gateway's own listeners, which would be a loop.
  Of a name that only a parent proxy resolves (its addresses are ABSENT) nothing but the name can be judged.
  `unsafe_destinations` opens the ranges it names and only them: of an address that embeds another, both must be named.
- `builtin-connect-port`: CONNECT to no port but those of `connect_ports`.

Source: the IANA special-purpose address registries (RFC 6890), RFC 6761 section 6.3 (`localhost`), RFC 9110 section
9.3.6 (CONNECT).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import METADATA, METADATA_NAMES, Address, Network, is_special, special_parts
from gateway.policy.compiled import Clause, CompiledRule
from gateway.policy.matchers.address import destinations
from gateway.policy.model import ABSENT, UNKNOWN, Fact, FactName, Facts, Missing
from gateway.policy.names import Host
from gateway.policy.networks import AddressSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.policy.kleene import Matcher, Truth

SPECIAL: Final = "builtin-special"
CONNECT_PORT: Final = "builtin-connect-port"
BUILTIN_IDS: Final = frozenset({SPECIAL, CONNECT_PORT})
"""Ids that no policy may give to a rule of its own."""

type Listener = tuple[Address, int]
"""Address and port of one of the gateway's own listeners."""

_LOOPBACK_NETWORK: Final = Network.parse("127.0.0.0/8")
_LOOPBACK: Final = (Address.parse("127.0.0.1"), Address.parse("::1"))
_LOCALHOST: Final = Host("localhost")
_UNSPECIFIED: Final = (Address.parse("0.0.0.0"), Address.parse("::"))  # noqa: S104 - addresses to judge, not to bind


def builtin_guardrails(
    opened: Iterable[Network], own: frozenset[Listener], ports: Iterable[int]
) -> tuple[CompiledRule, ...]:
    """The built-in guardrails of a forward policy."""
    return (
        _guardrail(
            SPECIAL,
            "Special-purpose destinations are closed",
            special_destination(AddressSet.of(opened), own),
            {FactName.HOST, FactName.DESTINATION_IP},
        ),
        _guardrail(
            CONNECT_PORT,
            "Tunnels are open to listed ports only",
            connect_port(frozenset(ports)),
            {FactName.CONNECT, FactName.PORT},
        ),
    )


def special_destination(opened: AddressSet, own: frozenset[Listener]) -> Matcher:
    """Whether the destination is one that no request may reach."""
    metadata_closed = not any(opened.find(address) for address in METADATA)
    loopback_closed = not any(opened.find(address) for address in _LOOPBACK)
    is_own = own_listener(own)

    def matches(facts: Facts) -> Truth:
        host = facts.host
        if not isinstance(host, Missing):
            if metadata_closed and host.text in METADATA_NAMES:
                return True
            if loopback_closed and host.is_under(_LOCALHOST):
                return True
        found = destinations(facts)
        if isinstance(found, Missing):
            return _beyond(host) if facts.destination_ips is ABSENT else None
        for address in found:
            if is_special(address) and any(opened.find(part) is None for part in special_parts(address)):
                return True
        return is_own(found, facts)

    return matches


def _beyond(host: Fact[Host]) -> bool:
    """Whether a name that another proxy resolves, and nobody here, means that proxy's own machine (RFC 6761, 6.3)."""
    return isinstance(host, Missing) or host.is_under(_LOCALHOST)


def own_listener(own: frozenset[Listener]) -> Callable[[Iterable[Address], Facts], Truth]:
    """Whether addresses and the port of a request are those of a listener; unknown while only the port is missing.

    A listener on the unspecified address listens on every address of the machine, of which loopback is known here;
    whoever knows the others names them. Dialling the unspecified address reaches the machine itself.
    """
    if not own:
        return lambda _found, _facts: False
    spots = frozenset(spot for listener in own for spot in _reached_at(listener))
    addresses = frozenset(address for address, _ in spots)

    def matches(found: Iterable[Address], facts: Facts) -> Truth:
        near = [view for address in found for view in (address, *address.embedded) if _nearest(view) in addresses]
        if not near:
            return False
        port = facts.port
        if isinstance(port, Missing):
            return None if port is UNKNOWN else False
        return any((_nearest(view), port) in spots for view in near)

    return matches


def _reached_at(listener: Listener) -> frozenset[Listener]:
    address, port = listener
    if address in _UNSPECIFIED:
        return frozenset((near, port) for near in (*_LOOPBACK, *_UNSPECIFIED))
    if _nearest(address) in _LOOPBACK:
        return frozenset({(address, port), (_nearest(address), port), *((near, port) for near in _UNSPECIFIED)})
    return frozenset({listener})


def _nearest(address: Address) -> Address:
    """127.0.0.1 for all of 127.0.0.0/8: they are one machine."""
    return _LOOPBACK[0] if address in _LOOPBACK_NETWORK else address


def connect_port(ports: frozenset[int]) -> Matcher:
    """Whether a tunnel is asked for to a port that is not listed."""

    def matches(facts: Facts) -> Truth:
        if facts.connect is not True:
            return None if facts.connect is UNKNOWN and not _listed(facts, ports) else False
        if isinstance(facts.port, Missing):
            return None
        return facts.port not in ports

    return matches


def _listed(facts: Facts, ports: frozenset[int]) -> bool:
    return not isinstance(facts.port, Missing) and facts.port in ports


def _guardrail(name: str, reason: str, matcher: Matcher, facts: set[FactName]) -> CompiledRule:
    return CompiledRule(
        id=name,
        allows=False,
        guardrail=True,
        shadow=False,
        reason=reason,
        place=None,
        rank=(0, name),
        clause=Clause(match=matcher, facts=frozenset(facts)),
    )
