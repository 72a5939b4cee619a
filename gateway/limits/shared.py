"""Limits that the workers of one machine count together, exactly: a table in memory that all of them see.

It says what `LimitTable` says, to the last digit, as if all workers were one: whatever is charged is charged under one
lock. Who dies while it holds the lock, or while something of its own runs, takes nothing with it (see
`gateway.limits.memory` and `gateway.limits.running`). If the lock cannot be had in time, charging fails, which refuses.

One process makes the table and hands its file on, the others attach to it, each with a number of its own.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.limits.memory import Contended
from gateway.limits.naming import name_of, rate_name, running_name
from gateway.limits.places import CELLS, Directory, Plan, Workers, make, mapped, read
from gateway.limits.rates import Counted, Rates
from gateway.limits.running import Bounded, Running
from gateway.policy.limits import MOMENT, Lease, LimitOutcome, LimitSpec, LimitState, Refusal, joined, refused_by
from gateway.policy.model import Reason
from gateway.policy.rates import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.policy.limits import Key

_NOBODY: Final = -1
_NAMES: Final = 4096
"""Names of keys that a process remembers."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a table holds: keys whose rate is counted, and keys that have something running."""

    rates: int
    running: int


class SharedTable:
    """One process's hold on the table; `worker` is its number, None for the one that made it and does not count.

    Not thread-safe: one event loop owns it. Not to be used after a fork: the child attaches by itself.
    """

    def __init__(self, fd: int, worker: int | None) -> None:
        plan, self.secret = read(fd)
        self.fd: Final = fd
        self.memory: Final = mapped(fd, plan)
        self._workers: Final = Workers(self.memory, plan)
        self.directory: Final = Directory(self.memory)
        self.rates: Final = Rates(self.memory, plan, self.directory)
        self.running: Final = Running(
            self.memory, plan, self.directory, self._workers, _NOBODY if worker is None else worker
        )
        self._owed: Final[list[bytes]] = []
        self._names: Final[dict[tuple[bytes, Key], bytes]] = {}

    @classmethod
    def create(cls, workers: int, cells: int = CELLS) -> Self:
        """A new table for so many workers, and so many clients of all limits. Its `fd` is to be handed on to them."""
        return cls(make(Plan(workers, cells)), None)

    @classmethod
    def attach(cls, fd: int, worker: int) -> Self:
        """Work on a table as this worker; what an earlier one of this number held is given back.

        Raises ValueError if the file is no such table, or if the worker is another process that lives.
        """
        table = cls(fd, worker)
        table._workers.claim(worker)
        with table.memory:
            table.running.bury(worker)
            table._workers.enter(worker)
        return table

    def limits(self, listener: str, specs: Iterable[LimitSpec], clock: Callable[[], float] | None = None) -> Shared:
        """The counters of the policy of a listener. With a `clock` its time counts, not the one that is brought.

        It gives seconds, and has to be the same for all processes of the machine, as CLOCK_MONOTONIC is.
        """
        return Shared(self, listener, specs, clock)

    def name(self, limit: bytes, key: Key) -> bytes:
        """What the memory calls a key of a limit; those of late are remembered, for a client asks again and again."""
        names, asked = self._names, (limit, key)
        found = names.get(asked)
        if found is None:
            if len(names) >= _NAMES:
                names.clear()
            found = names[asked] = name_of(self.secret, limit, key)
        return found

    def bury(self, worker: int) -> None:
        """Give back all that a worker holds, which is dead. Nobody has to: whoever is refused because of it does."""
        with self.memory:
            self.running.bury(worker)

    def tally(self) -> Tally:
        """What the table holds now."""
        with self.memory:
            return Tally(self.rates.keys, self.running.keys)

    def give_back(self, held: Key) -> None:
        """What ran under this name has ended. If the lock cannot be had now, it is given back with the next charge."""
        self._owed.extend(name for name in held if isinstance(name, bytes))
        with suppress(Contended), self.memory:
            self.settle()

    def settle(self) -> None:
        """Give back what is owed, while the lock is held."""
        while self._owed:
            self.running.give_back(self._owed[-1])
            self.memory.commit()
            self._owed.pop()

    def close(self) -> None:
        """Let go of the table; what this worker holds is given back when its process ends."""
        self.memory.close()
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class _Counter:
    spec: LimitSpec
    rate: Counted | None
    bound: Bounded | None

    @classmethod
    def of(cls, secret: bytes, listener: str, spec: LimitSpec) -> _Counter:
        rate, most = spec.rate, spec.concurrent
        return cls(
            spec,
            None if rate is None else Counted(rate_name(secret, listener, spec), rate, spec.capacity),
            None if most is None else Bounded(running_name(secret, listener, spec), most, spec.capacity),
        )


class _Charged:
    """A limit that counts a request, with what the memory calls its key."""

    __slots__ = (
        "_now",
        "_table",
        "bound",
        "cell",
        "key",
        "rate",
        "rate_key",
        "running_key",
        "runs",
        "spec",
        "tat",
        "tick",
    )

    def __init__(self, table: SharedTable, counter: _Counter, key: Key, now: int) -> None:
        rate, bound = counter.rate, counter.bound
        self._table: Final = table
        self._now: Final = now
        self.spec: Final = counter.spec
        self.key: Final = key
        self.rate: Final = rate
        self.bound: Final = bound
        self.tick: Final = 0 if rate is None else now * rate.rate.amount
        self.rate_key: Final = b"" if rate is None else table.name(rate.name, key)
        self.running_key: Final = b"" if bound is None else table.name(bound.name, key)
        self.cell = self.tat = 0
        self.runs: int | None = None

    def look(self) -> None:
        if self.rate is not None:
            self.cell = self._table.rates.find(self.rate_key)
            self.tat = self._table.rates.tat(self.cell)

    def refusal(self, more: int) -> Refusal | None:
        """What speaks against the request; keys may be forgotten meanwhile."""
        if self.bound is not None:
            reason = self._table.running.refusal(self.bound, self.running_key, more)
            if reason is not None:
                return Refusal(MOMENT, self.spec.id, reason)
        if self.rate is None:
            return None
        if early := self.rate.early(self.tat - self.tick):
            return Refusal(self.rate.seconds(early), self.spec.id, Reason.RATE_EXCEEDED)
        if not self.cell and (full := self._table.rates.room(self.rate, self._now, more)):
            return Refusal(full, self.spec.id, Reason.LIMIT_TABLE_FULL)
        return None

    def take(self) -> Lease | None:
        if self.rate is not None:
            self.tat = max(self.tat, self.tick) + self.rate.interval
            self._table.rates.count(self.rate, self.rate_key, self.cell, self.tat)
        if self.bound is None:
            return None
        self.runs = self._table.running.take(self.bound, self.running_key)
        return Lease([(self._table.give_back, (self.running_key,))])

    def state(self) -> LimitState | None:
        spec = self.spec
        if self.rate is not None:
            rate, standing = self.rate.rate, self.rate.standing(max(self.tat - self.tick, 0))
            return LimitState(spec.id, rate.amount, rate.period, standing.remaining, standing.reset, spec.key, self.key)
        if self.bound is None:
            return None
        most = self.bound.most
        runs = self._table.running.held(self.running_key) if self.runs is None else self.runs
        left = max(0, most - runs)
        return LimitState(spec.id, most, 0.0, left, 0.0, spec.key, self.key)


class Shared:
    """The counters of one policy in a shared table; in the place of a `LimitTable`."""

    __slots__ = ("_clock", "_counters", "_listener", "_table")

    def __init__(
        self, table: SharedTable, listener: str, specs: Iterable[LimitSpec], clock: Callable[[], float] | None
    ) -> None:
        self._table: Final = table
        self._listener: Final = listener
        self._clock: Final = clock
        self._counters: Final = {spec.id: _Counter.of(table.secret, listener, spec) for spec in specs}

    def charge(self, specs: Sequence[LimitSpec], keys: Sequence[Key], now: float) -> LimitOutcome:
        """Charge a request to these limits, each with its key: to all of them or, if one refuses, to none."""
        if not specs:
            return LimitOutcome()
        time = nanoseconds(now if self._clock is None else self._clock())
        charged = [
            _Charged(self._table, self._counters[spec.id], key, time) for spec, key in zip(specs, keys, strict=True)
        ]
        if len({each.spec.id for each in charged}) < len(charged):
            raise ValueError("a request is charged to a limit once")
        with self._table.memory:
            self._table.settle()
            self._table.rates.sweep(time)
            return _charge(charged, self._table.rates)

    def uncharge(self, specs: Sequence[LimitSpec], keys: Sequence[Key]) -> None:
        """Take back a request that was charged to the rates of these limits."""
        with self._table.memory:
            for spec, key in zip(specs, keys, strict=True):
                rate = self._counters[spec.id].rate
                if rate is not None:
                    self._table.rates.uncount(rate, name_of(self._table.secret, rate.name, key))

    def held(self, name: str) -> int:
        """How many keys a limit holds."""
        counter = self._counters[name]
        counted = counter.rate or counter.bound
        with self._table.memory:
            return 0 if counted is None else self._table.directory.used(counted.name)

    def fullest(self, name: str, now: float, most: int) -> tuple[LimitState, ...]:  # noqa: ARG002 - nobody is known
        """None: the memory holds no client by its name."""
        return ()

    def carried_into(self, specs: Iterable[LimitSpec]) -> Shared:
        """The counters of a new policy: those of limits that stayed the same are where they were."""
        return Shared(self._table, self._listener, specs, self._clock)


def _charge(charged: Sequence[_Charged], rates: Rates) -> LimitOutcome:
    """Look, forget what is idle, look again at what is left, and count: what was seen first may be gone by then."""
    before = rates.forgotten
    for each in charged:
        each.look()
    refusals = [said for each in charged if (said := each.refusal(len(charged) - 1)) is not None]
    if rates.forgotten != before:
        for each in charged:
            each.look()
    if refusals:
        return refused_by(refusals, _states(charged))
    lease = joined([each.take() for each in charged])
    return LimitOutcome(states=_states(charged), lease=lease)


def _states(charged: Sequence[_Charged]) -> tuple[LimitState, ...]:
    states = [each.state() for each in charged]
    return tuple([state for state in states if state is not None])
