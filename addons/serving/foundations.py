"""What the parts of the engine stand on: the log, the clock, names, addresses, keys, and what is known of upstreams.

Nothing of it decides anything, and nothing is opened yet.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from hashlib import sha256
from random import SystemRandom
from typing import TYPE_CHECKING

from addons.judging.exchange import Connections
from addons.serving.listeners import own_addresses
from addons.serving.log import log_of
from addons.serving.measuring import Measuring
from addons.upstream.pools import Pools
from gateway.audit.records.clients import Keyed, truncated
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.ids import IdSource
from gateway.audit.records.month_keys import MonthKeys
from gateway.control.authorities import AuthorityStore
from gateway.control.fronts import FrontStore
from gateway.control.trust import TrustStore
from gateway.policy.model import Mode
from gateway.upstreams.resolver import Resolver, ResolverBounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cryptography.x509 import Certificate

    from gateway.audit.records.clients import ClientName
    from gateway.audit.records.record import Record
    from gateway.audit.writing.intake import Log
    from gateway.config.settings import ResolverSettings, Settings
    from gateway.upstreams.parents import Spot


type Noting = Callable[[Record], int]
"""Writes down what the gateway did to itself."""


@dataclass(frozen=True, slots=True)
class Foundations:
    """What every part may be given; `note` writes down what the gateway did to itself, and counts it."""

    writer: Log
    connections: Connections
    measuring: Measuring
    note: Noting
    resolver: Resolver
    own: frozenset[Spot]
    trust: TrustStore
    fronts: Mapping[str, FrontStore]
    pools: Pools
    authorities: AuthorityStore | None

    @property
    def published(self) -> Callable[[], tuple[Certificate, ...]]:
        """What clients are to trust, as far as there is an authority."""
        return (lambda: ()) if self.authorities is None else self.authorities.published


def lay(settings: Settings, resolver: Resolver | None, log: Log | None = None) -> Foundations:
    """Make them as the settings say; without a `resolver` or `log`, those that are configured."""
    writer, measuring = log_of(settings) if log is None else log, Measuring()
    note = measuring.happenings.heard(writer.append)
    return Foundations(
        writer=writer,
        connections=_connections(settings),
        measuring=measuring,
        note=note,
        resolver=resolver or resolver_of(settings.resolver),
        own=all_own(settings),
        trust=TrustStore(settings.upstream_tls, time.time, note),
        fronts=_fronts(settings, note),
        pools=_pools(settings, note),
        authorities=_authorities(settings, note),
    )


def _connections(settings: Settings) -> Connections:
    return Connections(IdSource(time.time, os.urandom).next, time.monotonic, settings.contact, settings.pac.proxy)


def all_own(settings: Settings) -> frozenset[Spot]:
    """Where the gateway itself can be reached: no request gets there through it."""
    binds = [each.bind for each in settings.listeners]
    binds += [] if settings.admin is None else [settings.admin.bind]
    return frozenset().union(*map(own_addresses, binds))


def _pools(settings: Settings, note: Noting) -> Pools:
    draw = SystemRandom().random
    return Pools(settings.upstreams, note, clock=time.monotonic, wall=time.time, draw=draw)


def _authorities(settings: Settings, note: Noting) -> AuthorityStore | None:
    """Only a forward listener opens TLS with an authority of ours, and only for one is it made."""
    if all(each.mode is not Mode.FORWARD for each in settings.listeners):
        return None
    return AuthorityStore(settings.state / "ca", settings.ca, time.time, note)


def _fronts(settings: Settings, note: Noting) -> dict[str, FrontStore]:
    """What the listeners that speak TLS show, by their names."""
    return {
        each.name: FrontStore(each.name, each.tls, time.time, note)
        for each in settings.listeners
        if each.tls is not None
    }


def resolver_of(settings: ResolverSettings) -> Resolver:
    """Who is asked for addresses: the servers of the configuration, else the system. Raises ValueError."""
    source = None
    if settings.servers:
        from gateway.upstreams.nameservers.asking import NameServers  # noqa: PLC0415 - only for whom servers are named

        source = NameServers(settings.servers, settings.trust)
    bounds = ResolverBounds(least=settings.keep_at_least, most=settings.keep_at_most)
    return Resolver(settings.hosts, settings.timeout, source=source, bounds=bounds)


def disclosure_of(settings: Settings) -> Disclosure:
    """What records may say. Raises AuditUnavailable if clients are named by a key that cannot be used."""
    wanted = settings.audit.disclosure
    client: ClientName | None = None
    if wanted.client_address == "truncated":
        client = truncated
    elif wanted.client_address == "keyed":
        client = Keyed(MonthKeys(settings.state / "audit-keys", wanted.client_keys).key)
        client(settings.listeners[0].bind[0], time.time())
    return Disclosure(query=wanted.query_values, fields=wanted.field_values, client=client)


def pseudonym(state: Path) -> str:
    """The name in Via (RFC 9110 section 7.6.3), by which a gateway knows what it sent itself.

    It is the same for all that share a state folder, another for every other gateway, and says to nobody how the
    machine, the product or its version is called.
    """
    place = f"{socket.gethostname()}:{state.resolve()}"
    return f"gateway-{sha256(place.encode()).hexdigest()[:12]}"
