"""What a gateway measures of itself at the moment that somebody asks: pools, limits, lists, the log, the process.

Nothing here is on the way of a request. What has to be counted while requests pass is in `gateway.metrics.counting`.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.metrics import families as of
from gateway.metrics.counting import Counting
from gateway.metrics.families import GRAIN
from gateway.metrics.happenings import Happenings
from gateway.metrics.snapshot import Snapshot
from gateway.upstreams.pools.members import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from addons.judging.exchange import Connections
    from addons.serving.listeners import Listener
    from addons.upstream.pools import Pools
    from gateway.audit.export.health import Health
    from gateway.audit.writing.intake import Figures
    from gateway.cache.caches import Caches
    from gateway.control.authorities import AuthorityStore
    from gateway.control.fronts import FrontStore
    from gateway.metrics.snapshot import Labels, Series
    from gateway.traces.sending import Tally

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STARTED, _RESIDENT = 19, 21
"""Fields of `/proc/self/stat` behind the name of the process (proc_pid_stat(5), less three)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is looked at. `log` says how the audit log does; `most` connections may be open at a time."""

    engine: str
    most: int
    log: Callable[[], Figures]
    connections: Connections
    listeners: Sequence[Listener]
    pools: Pools
    caches: Caches
    fronts: Mapping[str, FrontStore]
    authorities: AuthorityStore | None = None
    traces: Tally | None = None


@dataclass(slots=True)
class Measuring:
    """Gives the numbers of one process. `exporters` tells how those of the audit log are, where there are any."""

    counting: Counting = field(default_factory=Counting)
    happenings: Happenings = field(default_factory=lambda: Happenings(time.time))
    parts: Parts | None = None
    exporters: Callable[[], Sequence[Health]] = tuple

    def snapshot(self) -> Snapshot:
        """All numbers of this moment."""
        found: dict[str, Series] = {**self.counting.series(), **self.happenings.series(), **_of_process()}
        if self.parts is not None:
            found |= _of_parts(self.parts, self.happenings.gaps)
        found |= _of_exporters(self.exporters())
        return Snapshot({name: found[name] for name in of.FAMILIES if found.get(name)})


def of_owner(log: Figures, exporters: Iterable[Health]) -> Snapshot:
    """The numbers of a process that serves nothing and writes the log for those that do."""
    found = {**_of_process(), **_of_log(log, 0), **_of_exporters(exporters)}
    del found[of.PROCESSES.name]
    return Snapshot({name: found[name] for name in of.FAMILIES if found.get(name)})


def _of_parts(parts: Parts, gaps: int) -> dict[str, Series]:
    return {
        of.BUILD.name: {(_version(), platform.python_version(), parts.engine): 1},
        **_of_connections(parts),
        **_of_pools(parts.pools),
        **_of_policies(parts.listeners),
        **_of_limits(parts.listeners),
        **_of_caches(parts.caches),
        **_of_log(parts.log(), gaps),
        of.EXPIRY.name: dict(_expiries(parts.fronts, parts.authorities)),
        of.TRACE_SPANS.name: _of_traces(parts.traces),
    }


@cache
def _version() -> str:
    return version("wicketgate")


def _of_connections(parts: Parts) -> dict[str, Series]:
    opened: Counter[Labels] = Counter({(each.name,): 0 for each in parts.listeners})
    in_flight = opened.copy()
    for state in parts.connections:
        opened[state.listener.name,] += 1
        in_flight[state.listener.name,] += len(state.exchanges)
    return {of.OPEN.name: opened, of.IN_FLIGHT.name: in_flight, of.MOST_OPEN.name: {(): parts.most}}


def _of_pools(pools: Pools) -> dict[str, Series]:
    asked: dict[Labels, int] = {}
    retried: dict[Labels, int] = {}
    is_up: dict[Labels, int] = {}
    busy: dict[Labels, int] = {}
    standings: dict[Labels, int] = {}
    waiting: dict[Labels, int] = {}
    for fleet in pools:
        waiting[fleet.name,] = len(fleet.line)
        found = Counter(fleet.pool.standings().values())
        standings |= {(fleet.name, each.value): found[each] for each in Standing}
        is_up |= {(fleet.name, name): int(at is Standing.UP) for name, at in fleet.pool.standings().items()}
        for member in fleet.pool.members:
            busy[fleet.name, member.name] = member.in_flight
        for server, tally in fleet.pool.tallies.items():
            for outcome in ("served", "failed", "untold"):
                asked[fleet.name, server, outcome] = getattr(tally, outcome)
            retried[fleet.name, server] = tally.retried
    return {
        of.UPSTREAM_REQUESTS.name: asked,
        of.RETRIES.name: retried,
        of.SERVER_UP.name: is_up,
        of.SERVERS.name: standings,
        of.AT_SERVER.name: busy,
        of.QUEUE.name: waiting,
    }


def _of_policies(listeners: Iterable[Listener]) -> dict[str, Series]:
    policies: dict[Labels, int] = {}
    took: dict[Labels, int] = {}
    entries: dict[Labels, int] = {}
    modified: dict[Labels, int] = {}
    for each in listeners:
        policy = each.store.current.policy
        policies[each.name, policy.name or "", policy.digest] = 1
        took[each.name,] = int(each.store.took * GRAIN)
        for name, loaded in each.store.lists.items():
            content = loaded.content
            entries[each.name, name] = 0 if content is None else content.entries
            if content is not None and content.modified is not None:
                modified[each.name, name] = int(content.modified * GRAIN)
    return {
        of.POLICY.name: policies,
        of.POLICY_LOAD.name: took,
        of.LIST_ENTRIES.name: entries,
        of.LIST_MODIFIED.name: modified,
    }


def _of_limits(listeners: Iterable[Listener]) -> dict[str, Series]:
    keys: dict[Labels, int] = {}
    capacity: dict[Labels, int] = {}
    for each in listeners:
        gate = each.store.current
        for limit in gate.policy.limits:
            keys[each.name, limit.id] = gate.limits.held(limit.id)
            capacity[each.name, limit.id] = limit.spec.capacity
    return {of.LIMIT_KEYS.name: keys, of.LIMIT_CAPACITY.name: capacity}


def _of_caches(caches: Caches) -> dict[str, Series]:
    sizes: Counter[Labels] = Counter()
    files: Counter[Labels] = Counter()
    for each in caches.stock():
        sizes[each.listener, "memory"] += each.memory
        sizes[each.listener, "disk"] += each.disk
        files[each.listener,] += each.files
    return {of.CACHE_BYTES.name: sizes, of.CACHE_FILES.name: files}


def _of_log(log: Figures, gaps: int) -> dict[str, Series]:
    return {
        of.AUDIT_WAITING.name: {(): log.waiting},
        of.AUDIT_HEALTHY.name: {(): int(log.healthy)},
        of.AUDIT_SYNCED.name: {(): int(log.synced_at * GRAIN)},
        of.AUDIT_GAPS.name: {(): log.gaps + gaps},
        of.AUDIT_REFUSED.name: {(): log.refused},
        of.AUDIT_UNRECORDED.name: {(): log.unrecorded},
    }


def _of_exporters(exporters: Iterable[Health]) -> dict[str, Series]:
    told = {(each.name,): each for each in exporters}
    return {
        of.EXPORT_WAITING.name: {name: each.waiting for name, each in told.items()},
        of.EXPORT_LAG.name: {name: int(each.seconds * GRAIN) for name, each in told.items()},
        of.EXPORT_MISSING.name: {name: each.missing for name, each in told.items()},
        of.EXPORT_SENDING.name: {name: int(each.state == "sending") for name, each in told.items()},
    }


def _of_traces(tally: Tally | None) -> dict[Labels, int]:
    if tally is None:
        return {}
    return {("sent",): tally.sent, ("dropped",): tally.dropped, ("refused",): tally.refused}


def _expiries(fronts: Mapping[str, FrontStore], authorities: AuthorityStore | None) -> Iterable[tuple[Labels, int]]:
    for listener, store in fronts.items():
        for each in store.current.shown:
            name = min(each.names, default="")
            yield ("server", listener, name), int(each.certificate.not_valid_after_utc.timestamp() * GRAIN)
    if authorities is not None:
        yield ("authority", "", ""), int(authorities.current.not_after.timestamp() * GRAIN)


def _of_process() -> dict[str, Series]:
    """As the kernel tells it (Linux)."""
    stat = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(") ")[2].split()
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return {
        of.PROCESSES.name: {(): 1},
        of.STARTED.name: {(): int((booted + int(stat[_STARTED]) / _TICKS) * GRAIN)},
        of.MEMORY.name: {(): int(stat[_RESIDENT]) * _PAGE},
        of.CPU.name: {(): int(time.process_time() * GRAIN)},
        of.FDS.name: {(): sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1},
        of.MOST_FDS.name: {(): resource.getrlimit(resource.RLIMIT_NOFILE)[0]},
    }
