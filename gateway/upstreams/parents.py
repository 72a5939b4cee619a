"""Parents: other proxies through which some hosts are reached, and which host goes through which.

The most specific rule wins, and the order of the file means nothing: the name itself before names above it, a longer
one before a shorter one, and a rule for all hosts last. A host that no rule names is dialled by the gateway itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.policy.builtin import own_listener
from gateway.policy.errors import Malformed
from gateway.policy.model import Facts
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.policy.addresses import Address

    type Spot = tuple[Address, int]
    """An address and a port."""

DIRECT: Final = "direct"
_THIS_MACHINE: Final = Host.parse("localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A proxy to go through. `authorization` is the value of Proxy-Authorization, which is never shown.

    `resolves` says who makes the name of a destination an address. `trust` is a PEM file with the authorities for a
    parent that is spoken to over TLS; None means those of the system.
    """

    name: str
    scheme: Literal["http", "https"]
    host: Host
    port: int
    resolves: Literal["gateway", "parent"] = "gateway"
    authorization: bytes | None = field(default=None, repr=False)
    trust: Path | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.scheme}://{self.host.authority(self.port)})"


class HostsOfRule(Protocol):
    """The hosts that a rule is for, as the configuration says it."""

    @property
    def operator(self) -> Literal["any", "is", "under"]:
        """How `hosts` are meant."""
        ...

    @property
    def hosts(self) -> Sequence[Host]:
        """Nothing for `any`."""
        ...


class Rule(Protocol):
    """Which hosts go through a parent, as the configuration says it."""

    @property
    def hosts(self) -> HostsOfRule:
        """For which hosts."""
        ...

    @property
    def via(self) -> str:
        """The name of the parent, or `direct`."""
        ...


@dataclass(frozen=True, slots=True)
class ParentTable:
    """The parents of one listener, found by host. Made by `ParentTable.of`."""

    _exact: dict[str, Parent | None] = field(default_factory=dict)
    _under: dict[str, Parent | None] = field(default_factory=dict)
    _any: dict[None, Parent | None] = field(default_factory=dict)

    @classmethod
    def of(cls, listener: str, rules: Iterable[Rule], parents: Mapping[str, Parent]) -> ParentTable:
        """The table of a listener by its name. Raises Malformed for two rules that claim the same hosts."""
        table = cls()
        for rule in rules:
            parent = None if rule.via == DIRECT else parents[rule.via]
            for claimed in table._claim(rule.hosts, parent):
                raise Malformed(f"listener `{listener}`: two rules of `parent` claim {claimed}, leave one of them out")
        return table

    def find(self, host: Host) -> Parent | None:
        """The parent through which a host is reached; None if the gateway dials it itself."""
        if host.text in self._exact:
            return self._exact[host.text]
        if self._under:
            for name in host.parents():
                if name in self._under:
                    return self._under[name]
        return self._any.get(None)

    def _claim(self, wanted: HostsOfRule, parent: Parent | None) -> list[str]:
        """Enter the parent of these hosts; what was claimed before comes back in words."""
        if wanted.operator == "any":
            twice = None in self._any
            self._any[None] = parent
            return ["all hosts"] if twice else []
        place = self._under if wanted.operator == "under" else self._exact
        twice_named = [f"`{host}`" for host in wanted.hosts if host.text in place]
        place.update({host.text: parent for host in wanted.hosts})
        return twice_named


def is_own(spots: frozenset[Spot], address: Address, port: int) -> bool:
    """Whether one of the gateway's own listeners, at `spots`, would be reached there."""
    return own_listener(spots)((address,), Facts(now=0.0, port=port)) is True


def loops(parents: Iterable[Parent], own: frozenset[Spot], known: Mapping[str, Sequence[Address]]) -> list[str]:
    """A sentence for every parent that is the gateway itself, as far as that is known without asking for names.

    `known` are the names that the configuration answers.
    """
    return [
        f"parent `{each.name}`: {each.host.authority(each.port)} is a listener of this gateway, a loop"
        for each in parents
        if leads_to(each.host, each.port, own, known)
    ]


def leads_to(host: Host, port: int, own: frozenset[Spot], known: Mapping[str, Sequence[Address]]) -> bool:
    """Whether one of the gateway's own listeners is at a host and port, as far as that is known without asking."""
    if host.address is not None:
        addresses: Sequence[Address] = (host.address,)
    elif host.is_under(_THIS_MACHINE):
        addresses = tuple(address for address, _ in own)
    else:
        addresses = known.get(host.text, ())
    return any(is_own(own, address, port) for address in addresses)
