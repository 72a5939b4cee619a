"""From a list as the policy declares it, and the bytes of its file, to what they mean together.

The reader of a format is loaded for the first list that has it: most policies have lists of one or two formats.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from gateway.lists.gather import Gathered, Oddities, gather_names, gather_networks
from gateway.lists.source import digest_of
from gateway.policy.addresses import Network
from gateway.policy.domains import DomainGathering, Reach
from gateway.policy.language.clauses import NameEntry
from gateway.policy.lists import ListContent
from gateway.policy.names import Host
from gateway.policy.networks import AddressSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.lists.lines import Reader
    from gateway.lists.source import Source
    from gateway.policy.language.clauses import ListDocument


def _format(name: str) -> Any:
    """The module of a format."""
    return import_module(f"gateway.lists.formats.{name}")


DOMAIN_FORMATS: Final[Mapping[str, Callable[[Reach], Reader]]] = {
    "plain": lambda reach: _format("plain").reader(reach),
    "hosts": lambda reach: _format("hosts").reader(reach),
    "adblock": lambda _: _format("adblock").reader(),
    "rpz": lambda _: _format("rpz").reader(),
}
"""Readers of domain lists by format; those that say themselves how far a name reaches do not ask."""

NETWORK_FORMATS: Final[Mapping[str, Callable[[], Reader]]] = {
    "plain": lambda: _format("netset").reader(),
    "netset": lambda: _format("netset").reader(),
    "drop": lambda: _format("drop").reader(),
}
"""Readers of network lists by format."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file means, and what was odd about it. It is not believed yet."""

    content: ListContent
    oddities: Oddities
    seen: frozenset[str] = frozenset()


def read_items(document: ListDocument, key: bytes) -> ListContent:
    """The content of a list whose entries the policy itself holds."""
    digest = digest_of("\n".join(sorted(map(str, document.items))).encode())
    if document.type == "network":
        networks = AddressSet.of(item for item in document.items if isinstance(item, Network))
        return ListContent(name=document.name, type="network", entries=len(networks), digest=digest, networks=networks)
    names = DomainGathering(key)
    names.add(_reach(document), [item.text.encode() for item in document.items if isinstance(item, Host)])
    domains = names.done()
    return ListContent(name=document.name, type="domain", entries=len(domains), digest=digest, domains=domains)


def read_source(document: ListDocument, source: Source, key: bytes) -> Reading:
    """What the file of a list means. `key` is the secret of `DomainGathering`."""
    if document.type == "database":
        return _read_database(document, source)
    gathered = _gather(document, source.content, key)
    content = ListContent(
        name=document.name,
        type=document.type,
        entries=gathered.entries,
        digest=source.digest,
        modified=source.modified,
        domains=gathered.domains,
        networks=gathered.networks,
        file=source.path,
    )
    return Reading(content, gathered.oddities, gathered.seen)


def _gather(document: ListDocument, content: bytes, key: bytes) -> Gathered:
    if document.type == "network":
        return gather_networks(content, reader_of(document))
    never = document.guard.never_contains if document.guard is not None else ()
    watched = tuple(entry.host.text for entry in never if isinstance(entry, NameEntry))
    return gather_names(content, reader_of(document), key, watched)


def reader_of(document: ListDocument) -> Reader:
    """Reads the lines of a list of names or of networks."""
    name = document.format or "plain"
    return NETWORK_FORMATS[name]() if document.type == "network" else DOMAIN_FORMATS[name](_reach(document))


def _reach(document: ListDocument) -> Reach:
    return Reach(document.match or Reach.IS)


def _read_database(document: ListDocument, source: Source) -> Reading:
    nodes = _format("mmdb").nodes_in(source.content)
    oddities = Oddities()
    if nodes is None:
        oddities.unusable.append((0, "is no MaxMind database, or it is cut off"))
    content = ListContent(
        name=document.name,
        type="database",
        entries=nodes or 0,
        digest=source.digest,
        modified=source.modified,
        file=source.path,
    )
    return Reading(content, oddities)
