"""What is in force, as the engine tells it: rules, lists, upstreams, limits, caches."""

from __future__ import annotations

from typing import Literal

from gateway.admin.models.base import Answer, Count, Moment, Seconds
from gateway.admin.models.standing import LimitsStore, PolicyInForce

Stage = Literal["enforce", "shadow"]


class Clause(Answer):
    """A clause of a policy, and how often it had a say since that was loaded."""

    id: str
    kind: Literal["guardrail", "allow", "deny", "exception", "limit"]
    place: str | None
    """File and line."""
    reason: str | None
    stage: Stage
    fired: Count
    """How often it had any say."""
    decided: Count
    matched: Count
    shadow: Count
    """How often it would have had a say, were it in force."""
    waived: Count
    """How often an exception lifted it."""


class Policy(PolicyInForce):
    """The policy of a listener, clause by clause."""

    listener: str
    mode: Literal["forward", "reverse"]
    default: Literal["allow", "deny"]
    rules: list[Clause]
    never_fired: list[str]
    """The ids of clauses that never had a say."""


class Policies(Answer):
    """The policies in force."""

    policies: list[Policy]


class NotFetched(Answer):
    """Nothing newer came of the last time that a list was fetched."""

    why: str
    since: Moment


class ListInForce(Answer):
    """A list that a policy uses, as it was read last."""

    listener: str
    name: str
    type: str
    source: str
    entries: Count
    memory: Count
    """Bytes."""
    digest: str | None
    modified: Moment | None
    age: Seconds | None
    most_age: Seconds | None
    """Seconds after which the policy wants it to count as stale."""
    stale: bool
    fell_back: bool
    """Whether it is the last good copy of one that cannot be read now."""
    unfetched: NotFetched | None
    """Why and since when it could not be fetched; None if it was, or is not fetched at all."""
    used_by: list[str]
    problems: list[str]


class Lists(Answer):
    """The lists in force."""

    lists: list[ListInForce]


Standing = Literal["up", "down", "ejected", "draining"]


class ServerStanding(Answer):
    """A server of an upstream; of several workers with what all have there."""

    url: str
    weight: int
    standing: Standing
    """The worst that one of the workers says."""
    healthy: bool
    """Whether its health checks succeed."""
    ejected: bool
    draining: bool
    in_flight: Count
    note: str
    """What was last found out about it."""
    workers: list[Standing] | None = None
    """How it stands with each worker."""


class Upstream(Answer):
    """An upstream with its servers."""

    name: str
    balance: str
    checked: bool
    """Whether there are health checks."""
    servers: list[ServerStanding]


class Upstreams(Answer):
    """All of them."""

    upstreams: list[Upstream]


class RateOfLimit(Answer):
    """So many in a period, and so many at once."""

    amount: Count
    period: Seconds
    burst: Count


class KeyCount(Answer):
    """What a limit counts for one key."""

    key: dict[str, str]
    """Clients are named as the log names them; values of fields and parameters are hidden."""
    remaining: Count
    reset: Seconds
    """Seconds until all of it is there again."""


class Limit(Answer):
    """A limit, and who is nearest to being refused."""

    listener: str
    id: str
    place: str | None
    stage: Stage
    key: list[str]
    rate: RateOfLimit | None
    concurrent: int | None
    keys: Count
    """Keys that are counted now."""
    capacity: Count
    fullest: list[KeyCount]


class Limits(Answer):
    """All of them."""

    store: LimitsStore | None
    limits: list[Limit]


class CacheStock(Answer):
    """What the cache of a listener keeps."""

    listener: str
    memory: Count
    """Bytes."""
    disk: Count
    """Bytes."""
    files: Count


class Caches(Answer):
    """All of them."""

    caches: list[CacheStock]
