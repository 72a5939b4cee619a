"""Limits that the workers of one machine count together, exactly: a table in memory that all of them see.

It says what `LimitTable` says, to the last digit, as if all workers were one: whatever is charged is charged under one
lock. Who dies while it holds the lock, or while something of its own runs, takes nothing with it (see
`gateway.limits.memory` and `gateway.limits.running`). If the lock cannot be had in time, charging fails, which refuses.

One process makes the table and hands its file on, the others attach to it, each with a number of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from heapq import nlargest
from itertools import batched
from typing import TYPE_CHECKING, Final, Self

from gateway.limits.naming import Names, rate_name, running_name
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
_TOGETHER: Final = 64
"""Keys that are looked up while others wait for the lock."""


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
        self.names: Final = Names(self.secret)

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

    def bury(self, worker: int) -> None:
        """Give back all that a worker holds, which is dead. Nobody has to: whoever is refused because of it does."""
        with self.memory:
            self.running.bury(worker)

    def tally(self) -> Tally:
        """What the table holds now."""
        with self.memory:
            return Tally(self.rates.keys, self.running.keys)

    def give_back(self, held: Key) -> None:
        """What ran in this cell has ended."""
        for cell in held:
            if isinstance(cell, int):
                self.running.give_back(cell)

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
        "name",
        "place",
        "rate",
        "running_name",
        "runs",
        "spec",
        "tat",
        "tick",
    )

    def __init__(self, table: SharedTable, counter: _Counter, key: Key, now: int) -> None:
        self._table: Final = table
        self._now: Final = now
        self.spec: Final = counter.spec
        self.key: Final = key
        self.rate: Final = counter.rate
        self.bound: Final = counter.bound
        self.cell = self.place = self.runs = self.tat = self.tick = 0
        self.name = self.running_name = b""
        if self.rate is not None:
            self.tick = now * self.rate.rate.amount
            self.name = table.names.of(self.rate.name, key)
        if self.bound is not None:
            self.running_name = table.names.of(self.bound.name, key)

    def look(self) -> None:
        if self.rate is not None:
            self.cell = self._table.rates.find(self.name)
            self.tat = self._table.rates.tat(self.cell)
        if self.bound is not None:
            self.place = self._table.running.find(self.running_name)

    def refusal(self, more: int) -> Refusal | None:
        """What speaks against the request; keys may be forgotten meanwhile."""
        if self.bound is not None:
            reason = self._table.running.refusal(self.bound, self.place, more)
            if reason is not None:
                return Refusal(MOMENT, self.spec.id, reason)
        if self.rate is None:
            return None
        if early := self.rate.early(self.tat - self.tick):
            return Refusal(self.rate.seconds(early), self.spec.id, Reason.RATE_EXCEEDED)
        if not self.cell and (full := self._table.rates.room(self.rate, self._now, more)):
            return Refusal(full, self.spec.id, Reason.LIMIT_TABLE_FULL)
        return None

    def count(self) -> None:
        """Count it. What runs has a place then, and is counted when all limits have."""
        if self.rate is not None:
            self.tat = max(self.tat, self.tick) + self.rate.interval
            self._table.rates.count(self.rate, self.name, self.cell, self.tat)
        if self.bound is not None:
            self.place = self._table.running.place(self.bound, self.running_name, self.place)

    def take(self) -> Lease | None:
        if self.bound is None:
            return None
        self._table.running.take(self.place)
        self.see()
        return Lease([(self._table.give_back, (self.place,))])

    def see(self) -> None:
        """How much runs now."""
        if self.bound is not None:
            self.runs = self._table.running.held(self.place)

    @property
    def uses(self) -> int:
        """What is used up: ticks, or what runs."""
        return self.runs if self.rate is None else max(self.tat - self.tick, 0)

    def state(self) -> LimitState | None:
        spec = self.spec
        if self.rate is not None:
            rate, standing = self.rate.rate, self.rate.standing(max(self.tat - self.tick, 0))
            return LimitState(spec.id, rate.amount, rate.period, standing.remaining, standing.reset, spec.key, self.key)
        if self.bound is None:
            return None
        most = self.bound.most
        left = max(0, most - self.runs)
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
        time = self._time(now)
        charged = [
            _Charged(self._table, self._counters[spec.id], key, time) for spec, key in zip(specs, keys, strict=True)
        ]
        if len({each.spec.id for each in charged}) < len(charged):
            raise ValueError("a request is charged to a limit once")
        with self._table.memory:
            self._table.rates.sweep(time)
            self._table.running.sweep()
            refusals, lease = _charge(charged, self._table)
        states = _states(charged)
        return refused_by(refusals, states) if refusals else LimitOutcome(states=states, lease=lease)

    def _time(self, now: float) -> int:
        return nanoseconds(now if self._clock is None else self._clock())

    def uncharge(self, specs: Sequence[LimitSpec], keys: Sequence[Key]) -> None:
        """Take back a request that was charged to the rates of these limits."""
        with self._table.memory:
            for spec, key in zip(specs, keys, strict=True):
                rate = self._counters[spec.id].rate
                if rate is not None:
                    self._table.rates.uncount(rate, self._table.names.of(rate.name, key))

    def held(self, name: str) -> int:
        """How many keys a limit holds."""
        counter = self._counters[name]
        if counter.rate is None:
            return 0 if counter.bound is None else self._table.running.keys_of(counter.bound.name)
        with self._table.memory:
            return self._table.directory.used(counter.rate.name)

    def fullest(self, name: str, now: float, most: int) -> tuple[LimitState, ...]:
        """Where those keys of a limit stand that have used up most of it, of the clients that this process has seen.

        The memory holds no client by its name: others, whom another worker has seen, are told by that one.
        """
        counter, time = self._counters[name], self._time(now)
        counted = counter.rate or counter.bound
        keys = [] if counted is None else self._table.names.known(counted.name)
        found = [
            charged
            for some in batched(keys, _TOGETHER, strict=False)
            for charged in self._looked_up(counter, some, time)
            if charged.cell or charged.runs
        ]
        return _states(nlargest(most, found, key=lambda charged: charged.uses))

    def _looked_up(self, counter: _Counter, keys: Iterable[Key], time: int) -> list[_Charged]:
        found = [_Charged(self._table, counter, key, time) for key in keys]
        with self._table.memory:
            for charged in found:
                charged.look()
                charged.see()
        return found

    def carried_into(self, specs: Iterable[LimitSpec]) -> Shared:
        """The counters of a new policy: those of limits that stayed the same are where they were."""
        return Shared(self._table, self._listener, specs, self._clock)


def _charge(charged: Sequence[_Charged], table: SharedTable) -> tuple[list[Refusal], Lease | None]:
    """Look, forget what is idle, look again at what is left, and count: what was seen first may be gone by then."""
    before = table.rates.forgotten + table.running.forgotten
    for each in charged:
        each.look()
    refusals = [said for each in charged if (said := each.refusal(len(charged) - 1)) is not None]
    if table.rates.forgotten + table.running.forgotten != before:
        for each in charged:
            each.look()
    for each in charged:
        if refusals:
            each.see()
        else:
            each.count()
    table.memory.commit()
    return refusals, None if refusals else joined([each.take() for each in charged])


def _states(charged: Sequence[_Charged]) -> tuple[LimitState, ...]:
    states = [each.state() for each in charged]
    return tuple([state for state in states if state is not None])
