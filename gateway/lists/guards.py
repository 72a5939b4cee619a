"""When a new copy of a list is not believed: the guards of the policy, and what no list may be.

A list guards a whole network, and its maker may be wrong, or not its maker. So a list that is empty is never believed
(a feed that was cut off would quietly allow everything), nor one that takes in what the policy says it never contains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import AddressClass, Network
from gateway.policy.language.clauses import Guard, NameEntry
from gateway.policy.names import Host
from gateway.policy.networks import AddressSet
from gateway.policy.special import METADATA_SERVICES, SPECIAL_V4, SPECIAL_V6

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.lists.reading import Reading
    from gateway.policy.domains import DomainSet
    from gateway.policy.language.conditions import ListRef
    from gateway.policy.lists import ListContent

type Forbidden = Network | AddressClass | ListRef | NameEntry

_PROBE: Final = "wicketgate-guard"
"""A label that stands for any name below another."""

UNGUARDED: Final = Guard()


def objections(reading: Reading, guard: Guard | None, others: Mapping[str, ListContent]) -> Iterator[str]:
    """Why this copy is not believed, each as the end of a sentence that begins with the file."""
    content, guard = reading.content, guard or UNGUARDED
    least = guard.min_entries or 1
    if content.entries < least:
        wanted = f"`min_entries` is {least:,}" if guard.min_entries else "an empty list is not believed"
        yield f"holds {counted(content.entries)}, {wanted}"
    for forbidden in guard.never_contains:
        yield from _contained(reading, forbidden, others)


def shrinkage(entries: int, before: int, guard: Guard | None) -> str | None:
    """Why a copy of so many entries is not believed after one of `before`, None if it is."""
    most = None if guard is None else guard.max_shrink
    if most is None or entries >= before * (1 - most):
        return None
    return f"holds {counted(entries)}, the last good copy {before:,}: more than `max_shrink` {most:.0%} is gone"


def counted(entries: int) -> str:
    """The number of entries in words."""
    return "1 entry" if entries == 1 else f"{entries:,} entries"


def _contained(reading: Reading, forbidden: Forbidden, others: Mapping[str, ListContent]) -> Iterator[str]:
    content = reading.content
    if isinstance(forbidden, NameEntry):
        if content.domains is not None:
            yield from _contained_name(content.domains, forbidden, reading.seen)
        return
    watched = _networks(forbidden, others)
    if watched is None:
        yield f"cannot be checked against `{forbidden}`, which is not loaded"
    elif content.networks is not None and (found := content.networks.overlap(watched)) is not None:
        entry, theirs = found
        whose = "" if isinstance(forbidden, Network) else f" of `{forbidden}`"
        yield f"contains `{entry}`, which meets `{theirs}`{whose}: `never_contains` forbids it"


def _networks(forbidden: Network | AddressClass | ListRef, others: Mapping[str, ListContent]) -> AddressSet | None:
    if isinstance(forbidden, Network):
        return AddressSet.of([forbidden])
    if isinstance(forbidden, AddressClass):
        special = (*METADATA_SERVICES, *SPECIAL_V4, *SPECIAL_V6)
        return AddressSet.of(Network.parse(entry.network) for entry in special if entry.kind is forbidden)
    content = others.get(forbidden.name)
    return None if content is None else content.networks


def _contained_name(domains: DomainSet, forbidden: NameEntry, seen: frozenset[str]) -> Iterator[str]:
    name = forbidden.host.text
    entry = domains.find(forbidden.host)
    if entry is None and forbidden.operator == "under":
        entry = _listed_below(domains, name, seen)
    if entry is not None:
        yield f"contains `{entry}`, which meets `{forbidden.operator}: {name}`: `never_contains` forbids it"


def _listed_below(domains: DomainSet, name: str, seen: frozenset[str]) -> str | None:
    """An entry that some name below `name` is on the list by, if nothing exempts it."""
    below = [name, *sorted(each for each in seen if each.endswith(f".{name}"))]
    probes = [Host(text) for each in below for text in (each, f"{_PROBE}.{each}")]
    return next((entry for probe in probes if (entry := domains.find(probe)) is not None), None)
