"""The limits of a policy together: a request is charged to every limit that counts it, or to none.

What a limit counts is the gate's business; here are the counters, by the id of their limit, and what outlives a reload.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.policy.concurrency import Concurrency, Lease
from gateway.policy.model import Reason
from gateway.policy.rates import Key, Limiter, Rate, default_burst

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "Concurrency",
    "Key",
    "Lease",
    "LimitOutcome",
    "LimitSpec",
    "LimitState",
    "LimitTable",
    "Limiter",
    "Limits",
    "Rate",
    "default_burst",
]

type CountedAt = Literal["cluster", "local"]
"""Where a limit that gateways share was counted: in the store that they share, or here because it is away."""

CAPACITY: Final = 100_000
"""Keys per limit: some 30 MB when full."""

MOMENT: Final = 1.0
"""Seconds to wait for an exchange to end, which nobody can foretell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    """One limit: a `rate`, a number of `concurrent` exchanges, or both, per `key` facts; it counts `capacity` keys."""

    id: str
    key: tuple[str, ...]
    rate: Rate | None = None
    concurrent: int | None = None
    capacity: int = CAPACITY


@dataclass(frozen=True, slots=True)
class LimitState:
    """Where a client stands with a limit, for the record, and for the RateLimit and RateLimit-Policy fields.

    `quota` requests per `window` seconds; `remaining` may be sent at once now; all of the burst is back in `reset`
    seconds. Where `quota` is of exchanges at the same time, `window` and `reset` are 0. It was counted under `key`, the
    values of the facts `names`. For a limit that gateways share, `store` says where it was counted.
    Source: draft-ietf-httpapi-ratelimit-headers.
    """

    id: str
    quota: int
    window: float
    remaining: int
    reset: float
    names: tuple[str, ...] = field(default=(), compare=False)
    key: Key = field(default=(), compare=False)
    store: CountedAt | None = field(default=None, compare=False)

    @property
    def counts_time(self) -> bool:
        """Whether it counts requests in a time, rather than exchanges at the same time."""
        return self.window > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOutcome:
    """What the limits say: admitted if `refused` is None, else the id of the limit that refuses, why, and for how long.

    `lease` must be released when an admitted exchange ends; None if no limit counts what runs.
    """

    refused: str | None = None
    reason: Reason | None = None
    retry_after: float | None = None
    states: tuple[LimitState, ...] = ()
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one limit says against a request: the seconds to `wait`, the limit, and why."""

    wait: float
    id: str
    reason: Reason


@dataclass(slots=True)
class _Counter:
    spec: LimitSpec
    limiter: Limiter | None
    concurrency: Concurrency | None

    @classmethod
    def of(cls, spec: LimitSpec) -> _Counter:
        limiter = None if spec.rate is None else Limiter(spec.rate, spec.capacity)
        return cls(spec, limiter, None if spec.concurrent is None else Concurrency(spec.concurrent, spec.capacity))

    def continuing(self, before: _Counter) -> _Counter:
        """This counter with what `before` knows, as far as it says something about this limit."""
        if self.spec.key != before.spec.key:
            return self
        same_rate = (self.spec.rate, self.spec.capacity) == (before.spec.rate, before.spec.capacity)
        return _Counter(
            self.spec,
            before.limiter if same_rate else self.limiter,
            before.concurrency.resized(self.concurrency.limit, self.concurrency.capacity)
            if self.concurrency is not None and before.concurrency is not None
            else self.concurrency,
        )

    def refusal(self, key: Key, now: float) -> Refusal | None:
        if self.concurrency is not None and (reason := self.concurrency.refusal(key)) is not None:
            return Refusal(MOMENT, self.spec.id, reason)
        if self.limiter is None:
            return None
        if wait := self.limiter.wait(key, now):
            return Refusal(wait, self.spec.id, Reason.RATE_EXCEEDED)
        if wait := self.limiter.full(key, now):
            return Refusal(wait, self.spec.id, Reason.LIMIT_TABLE_FULL)
        return None

    def take(self, key: Key, now: float) -> Lease | None:
        """Count a request to which nothing was refused."""
        if self.limiter is not None:
            self.limiter.count(key, now)
        return None if self.concurrency is None else self.concurrency.acquire(key)

    def state(self, key: Key, now: float) -> LimitState | None:
        spec = self.spec
        if self.limiter is not None:
            rate, standing = self.limiter.rate, self.limiter.peek(key, now)
            return LimitState(spec.id, rate.amount, rate.period, standing.remaining, standing.reset, spec.key, key)
        if self.concurrency is None:
            return None
        most = self.concurrency.limit
        return LimitState(spec.id, most, 0.0, max(0, most - self.concurrency.held(key)), 0.0, spec.key, key)


class Limits(Protocol):
    """Counters of a policy: those of this process, or a table that several processes count in."""

    def charge(self, specs: Sequence[LimitSpec], keys: Sequence[Key], now: float) -> LimitOutcome:
        """Charge a request to these limits, each with its key: to all of them or, if one refuses, to none."""

    def uncharge(self, specs: Sequence[LimitSpec], keys: Sequence[Key]) -> None:
        """Take back a request that was charged to the rates of these limits; leases are given back by themselves."""

    def held(self, name: str) -> int:
        """How many keys a limit holds."""

    def fullest(self, name: str, now: float, most: int) -> tuple[LimitState, ...]:
        """Where the keys of a limit stand that have used up most of it, the fullest first; none if nobody knows."""

    def carried_into(self, specs: Iterable[LimitSpec]) -> Limits:
        """The counters of a new policy, with all that these know about limits that stayed the same."""


class LimitTable:
    """All counters of a policy. The caller brings the time; not thread-safe: one event loop owns it."""

    __slots__ = ("_counters",)

    def __init__(self, specs: Iterable[LimitSpec] = ()) -> None:
        self._counters = {spec.id: _Counter.of(spec) for spec in specs}

    def charge(self, specs: Sequence[LimitSpec], keys: Sequence[Key], now: float) -> LimitOutcome:
        """Charge a request to these limits, each with its key: to all of them or, if one refuses, to none.

        Of several refusals the longest wait is told, so that a client who obeys is not refused by the next limit; the
        order of `specs` means nothing. Specs that this table was not made of are a KeyError.
        """
        charged = {spec.id: (self._counters[spec.id], key) for spec, key in zip(specs, keys, strict=True)}
        if len(charged) < len(specs):
            raise ValueError("a request is charged to a limit once")
        return self._charge(charged.values(), now)

    def _charge(self, charged: Collection[tuple[_Counter, Key]], now: float) -> LimitOutcome:
        refusals = [refusal for counter, key in charged if (refusal := counter.refusal(key, now)) is not None]
        if refusals:
            return refused_by(refusals, _states(charged, now))
        lease = joined([counter.take(key, now) for counter, key in charged])
        return LimitOutcome(states=_states(charged, now), lease=lease)

    def held(self, name: str) -> int:
        """How many keys a limit holds."""
        counter = self._counters[name]
        counted = counter.limiter or counter.concurrency
        return 0 if counted is None else counted.keys

    def fullest(self, name: str, now: float, most: int) -> tuple[LimitState, ...]:
        """Where those keys of a limit stand that have used up most of it, the fullest first."""
        counter = self._counters[name]
        counted = counter.limiter or counter.concurrency
        keys = [] if counted is None else counted.fullest(most)
        return _states(((counter, key) for key in keys), now)

    def uncharge(self, specs: Sequence[LimitSpec], keys: Sequence[Key]) -> None:
        """Take back a request that was charged to the rates of these limits, and then refused by somebody else."""
        for spec, key in zip(specs, keys, strict=True):
            limiter = self._counters[spec.id].limiter
            if limiter is not None:
                limiter.uncount(key)

    def carried_into(self, specs: Iterable[LimitSpec]) -> LimitTable:
        """The table of a new policy, with all that this one knows about limits that stayed the same.

        A rate goes on counting if its id, key, rate and capacity are unchanged. Running exchanges count on under a new
        number too, for they do run. Both tables share what they count, while the old policy still has connections.
        """
        table = LimitTable(specs)
        for name, counter in table._counters.items():
            if name in self._counters:
                table._counters[name] = counter.continuing(self._counters[name])
        return table


def _states(charged: Iterable[tuple[_Counter, Key]], now: float) -> tuple[LimitState, ...]:
    states = [counter.state(key, now) for counter, key in charged]
    return tuple([state for state in states if state is not None])


def refused_by(refusals: Iterable[Refusal], states: tuple[LimitState, ...]) -> LimitOutcome:
    """The one of several refusals that is told: the longest wait, so that who obeys is not refused by the next one."""
    worst = max(refusals, key=lambda refusal: (refusal.wait, refusal.id))
    return LimitOutcome(refused=worst.id, reason=worst.reason, retry_after=worst.wait, states=states)


def joined(leases: Iterable[Lease | None]) -> Lease | None:
    """One lease that holds what all of these do, None if none holds anything."""
    held = [lease for lease in leases if lease is not None]
    for other in held[1:]:
        held[0].join(other)
    return held[0] if held else None
