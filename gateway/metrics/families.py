"""Every family of metrics: its name, kind, labels and meaning, and what becomes of it when processes are added up.

Names and units are those that Prometheus asks for: base units, `_total` for what only grows. A label is a word of the
configuration, of a policy or of this gateway, never of a client, so that there are as many series as an operator wrote.

Source: https://prometheus.io/docs/practices/naming/ and the OpenMetrics specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a number may do."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merging(StrEnum):
    """What several processes say together; each rule gives the same in any order."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper ends of the buckets of every histogram, in seconds; one more bucket takes what is longer."""
GRAIN: Final = 1_000_000
"""Seconds are held as whole microseconds, so that sums are exact in any order."""

PREFIX: Final = "wicketgate_"
_TOTAL: Final = "_total"


@dataclass(frozen=True, slots=True)
class Family:
    """One family; `help` ends without a stop. Values are whole numbers of 1/`grain` of the unit."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    merging: Merging = Merging.SUM

    @property
    def unit(self) -> str:
        """`seconds` or `bytes`, or nothing for what is a number of things."""
        last = self.name.removesuffix(_TOTAL).rpartition("_")[2]
        return last if last in {"seconds", "bytes"} else ""

    @property
    def grain(self) -> int:
        """How many of a value make one of its unit."""
        return GRAIN if self.unit == "seconds" else 1


def _counter(name: str, text: str, *labels: str, merging: Merging = Merging.SUM) -> Family:
    return Family(f"{PREFIX}{name}{_TOTAL}", Kind.COUNTER, text, labels, merging)


def _gauge(name: str, text: str, *labels: str, merging: Merging = Merging.SUM) -> Family:
    return Family(f"{PREFIX}{name}", Kind.GAUGE, text, labels, merging)


def _histogram(name: str, text: str, *labels: str) -> Family:
    return Family(f"{PREFIX}{name}", Kind.HISTOGRAM, text, labels)


DECISIONS: Final = _counter(
    "decisions",
    "Decisions by what they came to and why; `rule` is empty if none decided",
    *("listener", "verdict", "reason", "rule"),
)
SHADOWS: Final = _counter(
    "shadow_decisions", "What rules and limits on trial would have done", "listener", "rule", "action"
)
EXCHANGES: Final = _counter(
    "exchanges",
    "Exchanges that ended; `code` is the class of the status that the client got, `reason` what went wrong after "
    "the decision",
    *("listener", "kind", "code", "reason"),
)
BODIES: Final = _counter(
    "exchange_body_bytes", "Bytes of bodies that passed; up is to the origin", "listener", "direction"
)
DURATION: Final = _histogram(
    "exchange_duration_seconds",
    "From the head of a request to the end of its answer, with the origin's time",
    *("listener", "kind"),
)
JUDGING: Final = _histogram(
    "decision_duration_seconds",
    "From the head of a request until it was let through or refused, without the origin's time",
    "listener",
)
IN_FLIGHT: Final = _gauge("exchanges_in_flight", "Requests and tunnels under way", "listener")

ACCEPTED: Final = _counter("connections_accepted", "Connections that were served", "listener")
TURNED_AWAY: Final = _counter(
    "connections_refused", "Connections that were turned away before they were served", "listener"
)
OPEN: Final = _gauge("connections_open", "Connections that are being served", "listener")
MOST_OPEN: Final = _gauge("connections_limit", "Connections that may be open at a time", merging=Merging.MAX)

UPSTREAM_REQUESTS: Final = _counter(
    "upstream_requests",
    "Requests for which a server was chosen; untold say nothing of it, as the gateway refused or the client left",
    *("upstream", "server", "outcome"),
)
RETRIES: Final = _counter(
    "upstream_retries", "Requests that went to another server after this one had failed them", "upstream", "server"
)
EJECTIONS: Final = _counter(
    "upstream_ejections", "How often a server was spared for failing requests", "upstream", "server"
)
SERVER_UP: Final = _gauge(
    "upstream_server_up", "Whether a server gets requests", "upstream", "server", merging=Merging.MIN
)
SERVERS: Final = _gauge(
    "upstream_servers", "Servers of an upstream by how they stand", "upstream", "state", merging=Merging.MAX
)
AT_SERVER: Final = _gauge(
    "upstream_requests_in_flight", "Requests that a server has at the moment", "upstream", "server"
)
QUEUE: Final = _gauge("upstream_queue_length", "Requests that wait for a place at a server", "upstream")

LIMIT_KEYS: Final = _gauge(
    "limit_keys",
    "Keys that a limit remembers: those that have used some of it",
    *("listener", "limit"),
    merging=Merging.MAX,
)
LIMIT_CAPACITY: Final = _gauge(
    "limit_capacity_keys", "Keys that a limit can remember", "listener", "limit", merging=Merging.MAX
)
LIMIT_REFUSALS: Final = _counter("limit_refusals", "Requests that a limit refused", "listener", "limit", "reason")

CACHE_REQUESTS: Final = _counter(
    "cache_requests", "Requests of routes with a cache, by what it did", "listener", "outcome"
)
CACHE_STORES: Final = _counter("cache_stores", "Answers that were kept", "listener")
CACHE_BYTES: Final = _gauge("cache_size_bytes", "What kept answers take", "listener", "where")
CACHE_FILES: Final = _gauge("cache_files", "Answers that are kept on disk", "listener")

AUDIT_WAITING: Final = _gauge("audit_waiting_records", "Records that were accepted and are not yet on the disk")
AUDIT_HEALTHY: Final = _gauge("audit_healthy", "Whether the audit log takes records", merging=Merging.MIN)
AUDIT_SYNCED: Final = _gauge(
    "audit_last_sync_timestamp_seconds", "When records were last synced to the disk; 0 if never", merging=Merging.MAX
)
AUDIT_GAPS: Final = _counter("audit_gaps", "Gaps that the audit log tells of since the start")
AUDIT_REFUSED: Final = _counter(
    "audit_refused_records", "Records that the audit log did not take, so nothing was let through"
)
AUDIT_UNRECORDED: Final = _counter("audit_unrecorded_records", "Records that were left out as `on_failure` allows")

EXPORT_WAITING: Final = _gauge(
    "audit_export_waiting_records", "Records that an exporter has still to send", "exporter", merging=Merging.MAX
)
EXPORT_LAG: Final = _gauge("audit_export_lag_seconds", "How old the oldest of them is", "exporter", merging=Merging.MAX)
EXPORT_MISSING: Final = _counter(
    "audit_export_missing_records", "Records that were gone before they were sent", "exporter", merging=Merging.MAX
)
EXPORT_SENDING: Final = _gauge(
    "audit_export_sending", "Whether the last attempt to send was taken", "exporter", merging=Merging.MIN
)

TRACE_SPANS: Final = _counter(
    "trace_spans",
    "Spans by what became of them: sent, dropped as there was no room for them, refused by the collector",
    "outcome",
)

POLICY: Final = _gauge("policy_info", "The policy in force", "listener", "policy", "digest", merging=Merging.MAX)
LIST_ENTRIES: Final = _gauge("list_entries", "Entries of a list in force", "listener", "list", merging=Merging.MAX)
LIST_MODIFIED: Final = _gauge(
    "list_modified_timestamp_seconds",
    "When the file of a list in force was last changed, at its last reading",
    *("listener", "list"),
    merging=Merging.MIN,
)
RELOADS: Final = _counter(
    "reloads",
    "Policies, lists, certificates and configurations that were read, by what came of it",
    *("what", "listener", "outcome"),
    merging=Merging.MAX,
)
RELOADED: Final = _gauge(
    "reload_last_success_timestamp_seconds", "When that was last put in force", "what", "listener", merging=Merging.MIN
)
POLICY_LOAD: Final = _gauge(
    "policy_load_duration_seconds", "How long the last reading of a policy took", "listener", merging=Merging.MAX
)
EXPIRY: Final = _gauge(
    "certificate_expiry_timestamp_seconds",
    "When a certificate of the gateway expires; of a server, or the authority that signs",
    *("use", "listener", "name"),
    merging=Merging.MIN,
)

PROCESSES: Final = _gauge("processes", "Processes that serve")
STARTED: Final = _gauge("process_start_time_seconds", "When the first of them was started", merging=Merging.MIN)
MEMORY: Final = _gauge("process_resident_memory_bytes", "Memory that they hold")
CPU: Final = _counter("process_cpu_seconds", "Processor time that they have used")
FDS: Final = _gauge("process_open_fds", "Open file descriptors")
MOST_FDS: Final = _gauge("process_max_fds", "Descriptors that one of them may open", merging=Merging.MIN)
BUILD: Final = _gauge(
    "build_info",
    "The version of the gateway, of Python and the engine",
    "version",
    "python",
    "engine",
    merging=Merging.MAX,
)

FAMILIES: Final = {
    each.name: each
    for each in (
        *(DECISIONS, SHADOWS, EXCHANGES, BODIES, DURATION, JUDGING, IN_FLIGHT),
        *(ACCEPTED, TURNED_AWAY, OPEN, MOST_OPEN),
        *(UPSTREAM_REQUESTS, RETRIES, EJECTIONS, SERVER_UP, SERVERS, AT_SERVER, QUEUE),
        *(LIMIT_KEYS, LIMIT_CAPACITY, LIMIT_REFUSALS),
        *(CACHE_REQUESTS, CACHE_STORES, CACHE_BYTES, CACHE_FILES),
        *(AUDIT_WAITING, AUDIT_HEALTHY, AUDIT_SYNCED, AUDIT_GAPS, AUDIT_REFUSED, AUDIT_UNRECORDED),
        *(EXPORT_WAITING, EXPORT_LAG, EXPORT_MISSING, EXPORT_SENDING, TRACE_SPANS),
        *(POLICY, LIST_ENTRIES, LIST_MODIFIED, RELOADS, RELOADED, POLICY_LOAD, EXPIRY),
        *(PROCESSES, STARTED, MEMORY, CPU, FDS, MOST_FDS, BUILD),
    )
}
"""All of them by name, in the order in which they are shown."""
