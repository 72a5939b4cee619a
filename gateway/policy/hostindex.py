"""Which rules can match a host at all: a dictionary by name, so that a thousand host rules cost no more than a few.

A rule that names its hosts is found under each name: exactly, or for the name and all below. A rule that names none
is a candidate for every host. The index only leaves out rules whose host condition is certainly false, so it never
changes a decision.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.policy.model import UNKNOWN, Fact, Missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.policy.names import Host


@dataclass(frozen=True, slots=True)
class HostNames:
    """The hosts that a condition can match: `exactly` these, and these `under` which everything matches too."""

    exactly: frozenset[Host] = frozenset()
    under: frozenset[Host] = frozenset()

    def reduced(self) -> HostNames:
        """The same hosts with no name inside another, so that each host is found at most once."""
        under = frozenset(name for name in self.under if not any(_strictly(name, other) for other in self.under))
        return HostNames(frozenset(name for name in self.exactly if not any(map(name.is_under, under))), under)

    def overlaps(self, other: HostNames) -> bool:
        """Whether some host belongs to both."""
        if self.exactly & other.exactly:
            return True
        if any(name.is_under(top) for top in other.under for name in self.exactly | self.under):
            return True
        return any(name.is_under(top) for top in self.under for name in other.exactly | other.under)


def _strictly(name: Host, top: Host) -> bool:
    return name != top and name.is_under(top)


class HasHosts(Protocol):
    """Anything that may be tied to hosts; None ties it to none."""

    @property
    def hosts(self) -> HostNames | None:
        """The hosts outside of which it never matches."""


class HostIndex[T: HasHosts]:
    """The candidates for a host among `items`. Immutable."""

    __slots__ = ("_every", "_exactly", "_under", "free", "tied")

    free: tuple[T, ...]
    """The items that name no hosts."""
    tied: tuple[T, ...]
    """The items that name their hosts: while the host is unknown, none of them matches for certain."""

    def __init__(self, items: Iterable[T]) -> None:
        every = tuple(items)
        exactly: defaultdict[str, list[T]] = defaultdict(list)
        under: defaultdict[str, list[T]] = defaultdict(list)
        for item in every:
            names = item.hosts.reduced() if item.hosts else HostNames()
            for name in names.exactly:
                exactly[name.text].append(item)
            for name in names.under:
                under[name.text].append(item)
        self._every = every
        self.free = tuple(item for item in every if item.hosts is None)
        self.tied = tuple(item for item in every if item.hosts is not None)
        self._exactly = {name: tuple(found) for name, found in exactly.items()}
        self._under = {name: tuple(found) for name, found in under.items()}

    def __len__(self) -> int:
        return len(self._every)

    def __iter__(self) -> Iterator[T]:
        return iter(self._every)

    def candidates(self, host: Fact[Host]) -> Sequence[T]:
        """All items that may match `host`, each once; all of them while the host is unknown."""
        if isinstance(host, Missing):
            return self._every if host is UNKNOWN else self.free
        if not self._exactly and not self._under:
            return self.free
        found = list(self._exactly.get(host.text, ()))
        if self._under:
            if host.address is not None:
                found += self._under.get(host.text, ())
            for name in host.parents():
                found += self._under.get(name, ())
        return (*self.free, *found) if found else self.free
