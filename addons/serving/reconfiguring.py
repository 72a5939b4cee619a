"""Routes and upstreams of a configuration that was read again, put in force while requests are under way.

A request that has found its route goes on by it; the next one finds its own in the new table. Upstreams come before
the routes that name them, and none goes before its last request has ended.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from addons.caching.disks import renew_disks
from gateway.audit.records.events import configuration_record
from gateway.config.digest import digest_of
from gateway.control.configuration import tables, what_waits
from gateway.control.returning import located, part_name
from gateway.policy.errors import Malformed
from gateway.upstreams.clauses import never_reached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.composition import Engine
    from gateway.audit.records.events import Cause
    from gateway.config.settings import Settings
    from gateway.control.inforce import KeptSet
    from gateway.control.outcomes import What
    from gateway.upstreams.routes import RouteTable


def _still_asked(engine: Engine, found: Mapping[str, RouteTable]) -> frozenset[str]:
    """Upstreams of listeners that keep their routes, because the configuration knows them no more."""
    kept = (each.routes for each in engine.listeners if each.routes is not None and each.name not in found)
    return frozenset().union(*(routes.upstreams for routes in kept))


def point_at(engine: Engine, settings: Settings) -> set[tuple[What, str | None]]:
    """Have policies and certificates read from where `settings` say from now on; those that lie elsewhere than before.

    What is in force stays so until they are read.
    """
    moved: set[tuple[What, str | None]] = set()
    after = {each.name: each for each in settings.listeners}
    for listener in engine.listeners:
        wanted, front = after.get(listener.name), engine.fronts.get(listener.name)
        if wanted is None:
            continue
        if listener.store.point_at(wanted.policy):
            moved.add(("policy", listener.name))
        if front is not None and wanted.tls is not None and front.point_at(wanted.tls):
            moved.add(("certificates", listener.name))
    return moved


def point_at_copies(engine: Engine, settings: Settings, kept: KeptSet) -> None:
    """Have everything read from a set that was kept, as `settings` name it. Raises Malformed if it is not there."""
    found = located(settings, kept)
    copies = {each.name: each for each in found.listeners}
    for listener in engine.listeners:
        wanted, front = copies.get(listener.name), engine.fronts.get(listener.name)
        if wanted is None:
            raise Malformed(f"it has no listener `{listener.name}`")
        listener.store.point_at(wanted.policy, kept.root(part_name("policy", listener.name)))
        if front is not None and wanted.tls is not None:
            front.point_at(wanted.tls)
    engine.trust.point_at(found.upstream_tls)


def point_back(engine: Engine, settings: Settings) -> None:
    """Have everything read from where `settings` say. What is in force stays so until then."""
    point_at(engine, settings)
    engine.trust.point_at(engine.settings.upstream_tls)
    for listener in engine.listeners:
        listener.store.foresee(fetched=False)


def take_up(engine: Engine, settings: Settings, cause: Cause) -> list[str]:
    """Put routes and upstreams in force; what people should know of it, the last word first. Raises Malformed.

    What is in force has been written down before it takes effect; raises AuditUnavailable, and nothing is changed.
    """
    found = tables(engine.settings, settings)
    waiting = what_waits(engine.settings, settings)
    record = configuration_record(
        outcome="loaded", problems=waiting, now=time.time(), cause=cause, settings=digest_of(settings)
    )
    engine.note(record)
    engine.pools.renew(settings.upstreams, _still_asked(engine, found))
    for listener in engine.listeners:
        if listener.name in found:
            listener.routes = found[listener.name]
    engine.checks.renew()
    renew_disks(replace(settings, state=engine.settings.state), engine.caches, engine.pools.said)
    unreached = [
        f"no request takes the route for {claim}, more specific ones leave nothing to it"
        for each in settings.listeners
        for claim, _ in never_reached(each.routes)
    ]
    return ["routes and upstreams were read again", *waiting, *unreached]
