"""The order `status`: what runs, since when, under which policies, and whether it is well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from addons.serving.orders.giving import only
from addons.serving.orders.lists import rows_of
from gateway.audit.records.times import timestamp
from gateway.audit.writing.errors import AuditUnavailable
from gateway.control.listing import unwell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from addons.serving.control import Caller
    from addons.serving.listeners import Listener
    from addons.serving.orders.desk import Desk
    from gateway.audit.writing.intake import Log


async def status(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """All of it, as plain values."""
    only(given)
    engine, life = desk.engine, desk.life
    is_open = life.started > 0 and not life.is_ending
    return {
        "version": life.version,
        "engine": engine.settings.engine,
        "pid": os.getpid(),
        "started": timestamp(life.started) if life.started else None,
        "uptime": round(desk.clock() - life.started, 3) if life.started else 0.0,
        "configuration": life.configuration,
        "ready": is_open and engine.writer.healthy,
        "draining": life.is_ending,
        "connections": len(engine.served),
        "listeners": [_listener(each) for each in engine.listeners],
        "reloads": dict(life.standing()),
        "lists": _unwell_lists(engine.listeners, desk.clock()),
        "audit": audit(engine.writer),
        "limits_store": None if engine.counting is None else engine.counting.store.summary(),
        "workers": [{"pid": os.getpid(), "connections": len(engine.served)}],
    }


def _listener(listener: Listener) -> dict[str, Any]:
    store = listener.store
    policy = store.current.policy
    return {
        "name": listener.name,
        "mode": listener.mode.value,
        "bind": listener.settings.endpoint,
        "policy": {
            "name": policy.name,
            "digest": policy.digest,
            "file": str(store.file),
            "loaded": timestamp(store.loaded),
            "kept_because": [str(problem) for problem in store.refused],
        },
    }


def _unwell_lists(listeners: Iterable[Listener], now: float) -> list[dict[str, Any]]:
    """The lists with which something is amiss, and what; they are in force all the same."""
    found = (row for each in listeners for row in rows_of(each, now) if unwell(row))
    return [{key: row[key] for key in ("listener", "name", "problems")} for row in found]


def audit(writer: Log) -> dict[str, Any]:
    """How the log does that this process writes."""
    try:
        last = writer.last
    except AuditUnavailable:
        last = 0
    return {"healthy": writer.healthy, "trouble": writer.trouble, "waiting": writer.waiting, "last": last}
