"""How the gateway stands: what `/healthz`, `/readyz`, the session and `status` answer."""

from __future__ import annotations

from typing import Literal

from gateway.admin.models.base import Answer, Count, Moment, Seconds

What = Literal["policy", "list", "configuration", "authorities", "certificates", "trust"]
State = Literal["loaded", "kept"]
Cause = Literal["start", "signal", "file", "order", "list", "age"]


class Health(Answer):
    """The admin side lives."""

    status: Literal["ok"]


class Readiness(Answer):
    """Whether requests are welcome."""

    status: Literal["ready", "draining", "not ready", "the gateway does not answer"]


class SignedIn(Answer):
    """Whether there is a session now."""

    signed_in: bool
    key: str | None = None
    """What the page has to send in `Wicketgate-Session-Key`, besides the cookie; told when one signs in."""


class Who(Answer):
    """Who asks, in the words of records."""

    signed_in: Literal[True]
    who: str
    """As records name it in `by`."""


class PolicyInForce(Answer):
    """The policy of a listener."""

    name: str | None
    digest: str
    file: str
    loaded: Moment
    kept_because: list[str]
    """Why a newer one was refused; empty if this is what the file says."""


class ListenerStatus(Answer):
    """A listener with the policy that it serves by."""

    name: str
    mode: Literal["forward", "reverse"]
    bind: str
    policy: PolicyInForce


class Part(Answer):
    """What came of reading one part the last time."""

    what: What
    state: State
    """`kept`: it was refused, and what was in force before goes on."""
    listener: str | None
    """None for what belongs to none."""
    name: str | None
    """Of the policy or the list."""
    digest: str | None
    """Of what is in force now, where that has one."""
    problems: list[str]
    notices: list[str]


class PartStanding(Part):
    """The same, and since when."""

    cause: Cause
    loaded: Moment | None
    kept_since: Moment | None


class ReloadCount(Answer):
    """How often a kind of part was taken up, or refused, since the start."""

    what: What
    state: State
    count: Count


class Reloads(Answer):
    """How everything that can be read again stands."""

    watched: bool
    """Whether files are read again by themselves when they change."""
    parts: list[PartStanding]
    counts: list[ReloadCount]


class AuditStatus(Answer):
    """How the audit log does."""

    healthy: bool
    trouble: str | None
    """Why it cannot be written."""
    waiting: Count
    """Records that are not on the disk yet."""
    last: Count
    """The number of the last record."""


class LimitsStore(Answer):
    """How the store stands in which gateways count together."""

    store: str
    state: Literal["up", "away"]
    why: str | None
    """Why it is away."""
    on_failure: str
    asked: Count
    refused: Count
    failed: Count
    held: Count
    """Places at once that are taken by requests under way."""


class WorkerStatus(Answer):
    """A process that serves."""

    pid: int
    connections: Count
    worker: int | None = None
    """Its number; there is none where one process does everything."""


class UnwellList(Answer):
    """A list with which something is amiss; it is in force all the same."""

    listener: str
    name: str
    problems: list[str]


class Status(Answer):
    """What runs, since when, under which policies, and whether it is well."""

    version: str
    engine: str
    pid: int
    """Of the gateway: where there are workers, of their supervisor."""
    started: Moment | None
    uptime: Seconds
    configuration: str | None
    """The digest of the configuration that it was started with; None without such a file."""
    ready: bool
    draining: bool
    connections: Count
    listeners: list[ListenerStatus]
    reloads: Reloads
    lists: list[UnwellList]
    """The lists with which something is amiss."""
    audit: AuditStatus
    limits_store: LimitsStore | None
    workers: list[WorkerStatus]
