"""How the parts of the engine are put together, in one place.

The order of the addons is the order of a request's life: the gate is asked first, the address is pinned, TLS is set
up, fields are completed, and the end is recorded last.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
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
from addons.judging.openings import Openings
from addons.judging.own_pages import OwnPages
from addons.judging.recording import Recorder, Recording
from addons.judging.settling import Settling
from addons.passing.fields import FieldKeeper
from addons.serving.control import Control
from addons.serving.foundations import disclosure_of, lay, pseudonym
from addons.serving.listeners import Listener, Served
from addons.serving.measuring import Measuring, Parts
from addons.serving.stores import Counting as CountingTogether
from addons.serving.stores import counting_of
from addons.serving.tracing import sender_of
from addons.tls.client_tls import ClientTls
from addons.tls.handshakes import Handshakes
from addons.tls.server_tls import ServerTls
from addons.tls.signing import Signing
from addons.tls.upstream_tls import UpstreamTls
from addons.tunnels.standing import Standing
from addons.upstream.dialing import Dialing, Turns
from addons.upstream.elsewhere import Elsewhere
from addons.upstream.health_checks import HealthChecks, senders_of
from addons.upstream.probes import Probe
from gateway.cache.caches import Caches
from gateway.control.store import PolicyStore
from gateway.limits.counters import counters_of
from gateway.lists.geography import Geography
from gateway.pages.site import Site
from gateway.policy.model import Mode
from gateway.upstreams.parents import ParentTable
from gateway.upstreams.routes import RouteTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Connections
    from addons.serving.foundations import Foundations, Noting
    from addons.upstream.pools import Pools
    from addons.upstream.probes import Law
    from gateway.audit.writing.intake import Log
    from gateway.config.settings import Settings
    from gateway.control.authorities import AuthorityStore
    from gateway.control.fronts import FrontStore
    from gateway.control.trust import TrustStore
    from gateway.limits.shared import SharedTable
    from gateway.lists.shelf import Shelf
    from gateway.traces.sending import Sender
    from gateway.upstreams.parents import Spot
    from gateway.upstreams.resolver import Resolver

HOOK_SLACK: Final = 5.0
"""Seconds that a hook may wait beyond what resolving a name may take."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that one process serves with; `addons` are in the order in which their hooks are called."""

    settings: Settings
    writer: Log
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
    measuring: Measuring
    own: frozenset[Spot]
    signing: Signing | None = None
    counting: CountingTogether | None = None
    traces: Sender | None = None

    def __post_init__(self) -> None:
        """Let what is measured be known."""
        self.measuring.parts = Parts(
            engine=self.settings.engine,
            most=self.settings.limits.connections,
            log=lambda: self.writer.figures,
            connections=self.connections,
            listeners=self.listeners,
            pools=self.pools,
            caches=self.caches,
            fronts=self.fronts,
            authorities=None if self.signing is None else self.signing.store,
            traces=None if self.traces is None else self.traces.tally,
            store=None if self.counting is None else self.counting.store,
        )

    @property
    def caches(self) -> Caches:
        """What is kept of answers."""
        return self.caching.caches

    @property
    def refreshing(self) -> Refreshing:
        """What asks in the background about kept answers."""
        return self.caching.refreshing

    @property
    def note(self) -> Noting:
        """Writes down what the gateway did to itself, and counts it."""
        return self.measuring.happenings.heard(self.writer.append)

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


def compose(
    settings: Settings,
    resolver: Resolver | None = None,
    shared: SharedTable | None = None,
    log: Log | None = None,
    shelf: Shelf | None = None,
) -> Engine:
    """Put the engine together; `resolver` and `log` replace those configured, `shared` and `shelf` are all workers'."""
    base, turns, geography = lay(settings, resolver, log), Turns(), Geography()
    connections, pools = base.connections, base.pools
    parents, ahead, recorder = Parents(base.resolver, base.own), _ahead(settings), _recorder(settings, base)
    admission = Admission(
        *(connections, recorder, base.resolver, turns, parents),
        pools=pools,
        clock=time.time,
        pseudonym=pseudonym(settings.state),
        limits=settings.limits,
        pages=OwnPages(Site(settings.pac, settings.contact), base.published, recorder),
        ahead=ahead,
    )
    signing = None if base.authorities is None else _signing(connections, admission, base.authorities)
    dialing = Dialing(connections, settings.limits.connect_timeout, turns.ways)
    tls = UpstreamTls(connections, base.trust)
    caching = _caching(connections, admission, ahead, recorder, Ways(pools, base.resolver, turns, geography, tls))
    addons = (
        *((Arriving(caching),) if _keeps_answers(settings) else ()),
        admission,
        Arrivals(admission, connections, recorder, time.time),
        *((ServerTls(connections, admission, base.fronts),) if base.fronts else ()),
        Openings(admission, connections),
        *(() if signing is None else (signing, signing.client_tls)),
        dialing,
        Handshakes(connections, settings.upstream_tls.handshake_timeout),
        tls,
        Elsewhere(pools, base.resolver, turns, geography, time.monotonic),
        ahead.keeper,
        parents,
        *((caching,) if _keeps_answers(settings) else ()),
        *(Recording(recorder, connections), *_settling(recorder, base.writer)),
    )
    counting = counting_of(settings.limits_store, base.note, time.time)
    listeners = _listeners(settings, base, shared, counting, shelf)
    served, standing = _served(connections, geography, recorder)
    return Engine(
        *(settings, base.writer, base.resolver, base.trust, base.fronts, listeners),
        *(connections, admission, dialing, addons),
        failures=Failures(connections, recorder, time.time),
        served=served,
        standing=standing,
        pools=pools,
        checks=_checks(pools, Probe(base.resolver, turns.ways), listeners, tls),
        signing=signing,
        caching=caching,
        control=Control(settings.state),
        measuring=base.measuring,
        own=base.own,
        counting=counting,
        traces=sender_of(settings.traces, connections, disclosure_of(settings)),
    )


def _keeps_answers(settings: Settings) -> bool:
    """Whether there is a cache at all; without one no request meets it."""
    return any(route.cache is not None for listener in settings.listeners for route in listener.routes)


def _ahead(settings: Settings) -> Ahead:
    keeper = FieldKeeper(pseudonym(settings.state))
    return Ahead(Caches(), Planner(time.time, time.monotonic), keeper, time.time)


def _caching(connections: Connections, admission: Admission, ahead: Ahead, recorder: Recorder, ways: Ways) -> Caching:
    """The cache; what it gives meets what every answer meets that a client gets from an upstream."""

    def respond(flow: HTTPFlow) -> None:
        admission.responseheaders(flow)
        ahead.keeper.responseheaders(flow)

    refreshing = Refreshing(ways, ahead.caches, ahead.planner, recorder, connections, time.time)
    return Caching(ahead, recorder, respond, refreshing, time.time)


def _signing(connections: Connections, admission: Admission, authorities: AuthorityStore) -> Signing:
    return Signing(connections, admission, ClientTls(connections, authorities.current), authorities)


def _served(connections: Connections, geography: Geography, recorder: Recorder) -> tuple[Served, Standing]:
    """Those who will be at work, and what is looked after while they are."""
    served = Served(cut_off=recorder.cut_off)
    standing = Standing(connections, geography, end=served.end, clock=time.time)
    served.chores.append(standing.look)
    return served, standing


def _checks(pools: Pools, probe: Probe, listeners: tuple[Listener, ...], tls: UpstreamTls) -> HealthChecks:
    def law(upstream: str) -> Law:
        return senders_of(upstream, listeners, tls, time.time)

    return HealthChecks(pools, probe, law, SystemRandom().random)


def _recorder(settings: Settings, base: Foundations) -> Recorder:
    durable = base.writer.append_durable if base.writer.waits else None
    disclosure, counting = disclosure_of(settings), base.measuring.counting
    return Recorder(base.writer, base.connections, time.time, durable, disclosure, counting=counting)


def _settling(recorder: Recorder, writer: Log) -> tuple[Settling, ...]:
    """Who waits for the disk; nobody, unless answers are to wait."""
    return (Settling(recorder),) if writer.waits else ()


def _listeners(
    settings: Settings,
    base: Foundations,
    shared: SharedTable | None,
    counting: CountingTogether | None,
    shelf: Shelf | None,
) -> tuple[Listener, ...]:
    parents, store = parents_of(settings, base.own, os.environ), None if counting is None else counting.store
    return tuple(
        Listener(
            settings=each,
            store=PolicyStore(
                each,
                settings.state,
                own=base.own,
                clock=time.time,
                record=base.note,
                counters=counters_of(each.name, shared, store),
                shelf=shelf,
            ),
            routes=RouteTable.of(each, settings.upstreams) if each.mode is Mode.REVERSE else None,
            parents=ParentTable.of(each.name, each.parent, parents),
        )
        for each in settings.listeners
    )
