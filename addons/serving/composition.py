"""How the parts of the engine are put together, in one place.

The order of the addons is the order of a request's life: the gate is asked first, the address is pinned, TLS is set
up, fields are completed, and the end is recorded last.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from hashlib import sha256
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from addons.caching.ahead import Ahead
from addons.caching.disks import open_disks
from addons.caching.hooks import Arriving, Caching
from addons.caching.planning import PATIENCE, Planner
from addons.caching.refreshing import Refreshing, Ways
from addons.connections.bounds import Bounds
from addons.connections.fail_closed import Dispatch, hook_table
from addons.connections.failures import Failures
from addons.connections.handler import Stage
from addons.entries.arrivals import Arrivals
from addons.entries.parents import Parents, parents_of
from addons.judging.admission import Admission
from addons.judging.exchange import Connections
from addons.judging.openings import Openings
from addons.judging.own_pages import OwnPages
from addons.judging.recording import Recorder, Recording
from addons.judging.settling import Settling
from addons.passing.fields import FieldKeeper
from addons.serving.control import Control
from addons.serving.exporting import anchors_of
from addons.serving.listeners import Listener, Served, own_addresses
from addons.serving.stores import Counting, counting_of
from addons.tls.client_tls import ClientTls
from addons.tls.handshakes import Handshakes
from addons.tls.server_tls import ServerTls
from addons.tls.signing import Signing
from addons.tls.upstream_tls import UpstreamTls
from addons.tunnels.standing import Standing
from addons.upstream.dialing import Dialing, Turns
from addons.upstream.elsewhere import Elsewhere
from addons.upstream.health_checks import HealthChecks, senders_of
from addons.upstream.pools import Pools
from addons.upstream.probes import Probe
from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.records.clients import Keyed, truncated
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.ids import IdSource
from gateway.audit.records.month_keys import MonthKeys
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from gateway.cache.caches import Caches
from gateway.control.authorities import AuthorityStore
from gateway.control.fronts import FrontStore
from gateway.control.store import PolicyStore
from gateway.control.trust import TrustStore
from gateway.limits.counters import counters_of
from gateway.lists.geography import Geography
from gateway.pages.site import Site
from gateway.policy.model import Mode
from gateway.upstreams.parents import ParentTable
from gateway.upstreams.resolver import Resolver, ResolverBounds
from gateway.upstreams.routes import RouteTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mitmproxy.http import HTTPFlow

    from addons.upstream.probes import Law
    from gateway.audit.records.clients import ClientName
    from gateway.audit.writing.witness import Witness
    from gateway.config.settings import AuditSettings, ProofSettings, ResolverSettings, Settings
    from gateway.limits.shared import SharedTable
    from gateway.upstreams.parents import Spot

HOOK_SLACK: Final = 5.0
"""Seconds that a hook may wait beyond what resolving a name may take."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that one process serves with; `addons` are in the order in which their hooks are called."""

    settings: Settings
    writer: AuditWriter
    resolver: Resolver
    trust: TrustStore
    fronts: Mapping[str, FrontStore]
    listeners: tuple[Listener, ...]
    connections: Connections
    admission: Admission
    dialing: Dialing
    addons: tuple[object, ...]
    failures: Failures
    served: Served
    standing: Standing
    pools: Pools
    checks: HealthChecks
    caching: Caching
    control: Control
    own: frozenset[Spot]
    signing: Signing | None = None
    counting: Counting | None = None

    @property
    def caches(self) -> Caches:
        """What is kept of answers."""
        return self.caching.caches

    @property
    def refreshing(self) -> Refreshing:
        """What asks in the background about kept answers."""
        return self.caching.refreshing

    def purge(self, beginning: str = "") -> int:
        """Drop every kept answer whose place (`https://shop.example/items`) begins so; under how many places it was."""
        return self.caches.purge(lambda place: place.startswith(beginning))

    def open(self, said: Callable[[str], None]) -> None:
        """Open what is kept on disk. Raises Unusable, or OSError, for a folder that cannot hold it."""
        open_disks(self.settings, self.caches, said)

    def stage(self, deadline: float | None = None) -> Stage:
        """What the handlers of connections share. `deadline` bounds every hook, in seconds."""
        if deadline is None:
            deadline = self.settings.resolver.timeout + self.pools.longest_wait + PATIENCE + HOOK_SLACK
        return Stage(
            dispatch=Dispatch(hook_table(self.addons), deadline),
            bounds=Bounds.of(self.settings.limits),
            failed=self.failures.failed,
            unjudged=self.failures.unjudged,
            late=self.failures.late,
            connect=self.dialing.connect,
        )


def compose(settings: Settings, resolver: Resolver | None = None, shared: SharedTable | None = None) -> Engine:
    """Put the engine together; nothing is opened yet. `shared` is where workers count limits together, if they do."""
    writer, connections = _writer(settings), _connections(settings)
    resolver = resolver or resolver_of(settings.resolver)
    trust, fronts = TrustStore(settings.upstream_tls, time.time, writer.append), _fronts(settings, writer)
    parents = Parents(resolver, own := all_own(settings))
    pools, authorities = _pools(settings, writer), _authorities(settings, writer)
    turns, geography = Turns(), Geography()
    recorder, ahead = _recorder(settings, writer, connections), _ahead(settings)
    published = (lambda: ()) if authorities is None else authorities.published
    admission = Admission(
        *(connections, recorder, resolver, turns, parents),
        pools=pools,
        clock=time.time,
        pseudonym=pseudonym(settings.state),
        limits=settings.limits,
        pages=OwnPages(Site(settings.pac, settings.contact), published, recorder),
        ahead=ahead,
    )
    signing = None if authorities is None else _signing(connections, admission, authorities)
    dialing, tls = Dialing(connections, settings.limits.connect_timeout, turns.ways), UpstreamTls(connections, trust)
    caching = _caching(connections, admission, ahead, recorder, Ways(pools, resolver, turns, geography, tls))
    addons = (
        *((Arriving(caching),) if _keeps_answers(settings) else ()),
        admission,
        Arrivals(admission, connections, recorder, time.time),
        *((ServerTls(connections, admission, fronts),) if fronts else ()),
        Openings(admission, connections),
        *(() if signing is None else (signing, signing.client_tls)),
        dialing,
        Handshakes(connections, settings.upstream_tls.handshake_timeout),
        tls,
        Elsewhere(pools, resolver, turns, geography, time.monotonic),
        ahead.keeper,
        parents,
        *((caching,) if _keeps_answers(settings) else ()),
        *(Recording(recorder, connections), *_settling(recorder, writer)),
    )
    counting = counting_of(settings.limits_store, writer.append, time.time)
    listeners = _listeners(settings, own, writer, shared, counting)
    served, standing = _served(connections, geography)
    return Engine(
        settings=settings,
        writer=writer,
        resolver=resolver,
        trust=trust,
        fronts=fronts,
        listeners=listeners,
        connections=connections,
        admission=admission,
        dialing=dialing,
        addons=addons,
        failures=Failures(connections, recorder, time.time),
        served=served,
        standing=standing,
        pools=pools,
        checks=_checks(pools, Probe(resolver, turns.ways), listeners, tls),
        signing=signing,
        caching=caching,
        control=Control(settings.state),
        own=own,
        counting=counting,
    )


def _keeps_answers(settings: Settings) -> bool:
    """Whether there is a cache at all; without one no request meets it."""
    return any(route.cache is not None for listener in settings.listeners for route in listener.routes)


def _connections(settings: Settings) -> Connections:
    return Connections(IdSource(time.time, os.urandom).next, time.monotonic, settings.contact, settings.pac.proxy)


def _ahead(settings: Settings) -> Ahead:
    keeper = FieldKeeper(pseudonym(settings.state))
    return Ahead(Caches(), Planner(time.time, time.monotonic), keeper, time.time)


def all_own(settings: Settings) -> frozenset[Spot]:
    """Where the gateway itself can be reached: no request gets there through it."""
    binds = [each.bind for each in settings.listeners]
    binds += [] if settings.admin is None else [settings.admin.bind]
    return frozenset().union(*map(own_addresses, binds))


def _caching(connections: Connections, admission: Admission, ahead: Ahead, recorder: Recorder, ways: Ways) -> Caching:
    """The cache; what it gives meets what every answer meets that a client gets from an upstream."""

    def respond(flow: HTTPFlow) -> None:
        admission.responseheaders(flow)
        ahead.keeper.responseheaders(flow)

    refreshing = Refreshing(ways, ahead.caches, ahead.planner, recorder, connections, time.time)
    return Caching(ahead, recorder, respond, refreshing, time.time)


def _signing(connections: Connections, admission: Admission, authorities: AuthorityStore) -> Signing:
    return Signing(connections, admission, ClientTls(connections, authorities.current), authorities)


def _served(connections: Connections, geography: Geography) -> tuple[Served, Standing]:
    """Those who will be at work, and what is looked after while they are."""
    served = Served()
    standing = Standing(connections, geography, end=served.end, clock=time.time)
    served.chores.append(standing.look)
    return served, standing


def _checks(pools: Pools, probe: Probe, listeners: tuple[Listener, ...], tls: UpstreamTls) -> HealthChecks:
    def law(upstream: str) -> Law:
        return senders_of(upstream, listeners, tls, time.time)

    return HealthChecks(pools, probe, law, SystemRandom().random)


def _writer(settings: Settings) -> AuditWriter:
    return AuditWriter(settings.state / "audit", _options(settings.audit), witness=_witness(settings.proof))


def _witness(proof: ProofSettings) -> Witness | None:
    """Who proves the log, if that is wanted."""
    if not proof.enabled:
        return None
    return Notary(NotaryOptions(heartbeat=proof.heartbeat), anchors=anchors_of(proof))


def _recorder(settings: Settings, writer: AuditWriter, connections: Connections) -> Recorder:
    durable = writer.append_durable if writer.waits else None
    return Recorder(writer, connections, time.time, durable, disclosure_of(settings))


def _settling(recorder: Recorder, writer: AuditWriter) -> tuple[Settling, ...]:
    """Who waits for the disk; nobody, unless answers are to wait."""
    return (Settling(recorder),) if writer.waits else ()


def _options(audit: AuditSettings) -> WriterOptions:
    return WriterOptions(
        durability=audit.durability,
        on_failure=audit.on_failure,
        reserve=audit.reserve,
        segment_size=audit.segment_size,
        segment_age=audit.segment_age,
        retain=audit.retain,
        compress=audit.compress,
    )


def _pools(settings: Settings, writer: AuditWriter) -> Pools:
    draw = SystemRandom().random
    return Pools(settings.upstreams, writer.append, clock=time.monotonic, wall=time.time, draw=draw)


def _authorities(settings: Settings, writer: AuditWriter) -> AuthorityStore | None:
    """Only a forward listener opens TLS with an authority of ours, and only for one is it made."""
    if all(each.mode is not Mode.FORWARD for each in settings.listeners):
        return None
    return AuthorityStore(settings.state / "ca", settings.ca, time.time, writer.append)


def _fronts(settings: Settings, writer: AuditWriter) -> dict[str, FrontStore]:
    """What the listeners that speak TLS show, by their names."""
    return {
        each.name: FrontStore(each.name, each.tls, time.time, writer.append)
        for each in settings.listeners
        if each.tls is not None
    }


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


def resolver_of(settings: ResolverSettings) -> Resolver:
    """Who is asked for addresses: the servers of the configuration, else the system. Raises ValueError."""
    source = None
    if settings.servers:
        from gateway.upstreams.nameservers.asking import NameServers  # noqa: PLC0415 - only for whom servers are named

        source = NameServers(settings.servers, settings.trust)
    bounds = ResolverBounds(least=settings.keep_at_least, most=settings.keep_at_most)
    return Resolver(settings.hosts, settings.timeout, source=source, bounds=bounds)


def pseudonym(state: Path) -> str:
    """The name in Via (RFC 9110 section 7.6.3), by which a gateway knows what it sent itself.

    It is the same for all that share a state folder, another for every other gateway, and says to nobody how the
    machine, the product or its version is called.
    """
    place = f"{socket.gethostname()}:{state.resolve()}"
    return f"gateway-{sha256(place.encode()).hexdigest()[:12]}"


def _listeners(
    settings: Settings,
    own: frozenset[Spot],
    writer: AuditWriter,
    shared: SharedTable | None,
    counting: Counting | None,
) -> tuple[Listener, ...]:
    parents, store = parents_of(settings, own, os.environ), None if counting is None else counting.store
    return tuple(
        Listener(
            settings=each,
            store=PolicyStore(
                each,
                settings.state,
                own=own,
                clock=time.time,
                record=writer.append,
                counters=counters_of(each.name, shared, store),
            ),
            routes=RouteTable.of(each, settings.upstreams) if each.mode is Mode.REVERSE else None,
            parents=ParentTable.of(each.name, each.parent, parents),
        )
        for each in settings.listeners
    )
