"""Rate limits by GCRA: one timestamp per key says everything.

The theoretical arrival time (TAT) of a key is the moment at which its bucket is empty again. A request is admitted if
the TAT lies less than `burst` emission intervals in the future. A key whose TAT has passed carries no information, so
forgetting it changes no answer: that is what bounds the memory.

Time is counted in whole ticks of 1 ns / amount, so that an emission interval is a whole number and no rounding ever
adds up to one request more: in floats of epoch seconds an interval below 0.2 us rounds to nothing, which is no limit.

Source: ITU-T I.371 (generic cell rate algorithm), virtual scheduling form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace, nlargest
from typing import Final, Self

from gateway.policy.errors import Malformed

type Key = tuple[object, ...]
"""Whom a limit counts: the values of its key facts, in their order. All of them hashable."""

UNITS: Final = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
}
"""Seconds by unit. No `m`: it is read as minutes by some and as months by others."""

NANOSECONDS: Final = 1_000_000_000
ADMITTED: Final = 0.0
DEFAULT_BURST: Final = 100
SWEEP: Final = 2

_SPELLING: Final = re.compile(r"([0-9]{1,9}) ?/ ?([0-9]{0,6}) ?([a-z]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`amount` requests per `period` seconds, of which `burst` may come at once."""

    amount: int
    period: float
    burst: int

    def __post_init__(self) -> None:
        if self.amount < 1 or self.period <= 0 or self.burst < 1:
            raise Malformed(f"rate `{self.amount}` per {self.period:g} s with burst `{self.burst}`: nothing could pass")

    @classmethod
    def parse(cls, text: str) -> tuple[int, float]:
        """Amount and period in seconds of `600/min`, `10/s` or `5/15min`; raises Malformed."""
        spelt = _SPELLING.fullmatch(text)
        if spelt is None:
            raise Malformed(f"rate `{text}`: write requests per time, like `600/min`, `10/s` or `5/15min`")
        amount, count, unit = spelt.groups()
        if unit not in UNITS:
            hint = f"did you mean `{amount}/{count}min`" if unit == "m" else "write `s`, `min`, `h` or `d`"
            raise Malformed(f"rate `{text}`: `{unit}` is no unit of time, {hint}")
        if not int(amount) or not int(count or 1):
            raise Malformed(f"rate `{text}`: nothing could pass, deny it by a rule instead")
        return int(amount), float(int(count or 1) * UNITS[unit])

    @classmethod
    def of(cls, text: str, burst: int | None = None) -> Self:
        """The rate of `600/min`; without a burst, `default_burst` of it; raises Malformed."""
        amount, period = cls.parse(text)
        return cls(amount=amount, period=period, burst=default_burst(amount, period) if burst is None else burst)

    @property
    def interval(self) -> float:
        """Seconds between two requests at the sustained rate."""
        return self.period / self.amount


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds, as exactly as a float of seconds can tell. Raises ValueError or OverflowError for no time."""
    whole, part = divmod(seconds, 1)
    return int(whole) * NANOSECONDS + int(part * NANOSECONDS)


def default_burst(amount: int, period: float) -> int:
    """The burst of a rate that states none: its amount, but not above 100 or what it admits in one second.

    `5/min` for a login means five tries at once, then one every twelve seconds: the whole amount. `100000/d` does not
    mean a hundred thousand in the first second, and `5000/s` must not stumble over a pause of the machine.
    """
    return min(amount, max(DEFAULT_BURST, int(amount / period)))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a key stands: how many requests it could send at once now; the seconds until all of its burst is back."""

    remaining: int
    reset: float


@dataclass(slots=True)
class Limiter:
    """Admits requests of one limit; the caller brings the time.

    `now` is in seconds of a clock that does not go back; if it does, keys wait until it caught up. At most `capacity`
    keys are held. Not thread-safe: one event loop owns it.

    A queue holds every key once, under a TAT that it had at some time. Since a TAT only grows, a key is idle no sooner
    than its place in the queue says, so the head of the queue is all that has to be looked at: a key found busy there
    moves back, and it was admitted at least once since it was queued. Every admitted request pays for one such move,
    so a request costs O(log n) amortised, also when the table is full.
    """

    rate: Rate
    capacity: int
    _tats: dict[Key, int] = field(default_factory=dict, init=False)
    _queue: list[tuple[int, int, Key]] = field(default_factory=list, init=False)
    _queued: int = field(default=0, init=False)
    _interval: int = field(init=False)

    def __post_init__(self) -> None:
        self._interval = round(self.rate.period * NANOSECONDS)

    def hit(self, key: Key, now: float) -> float:
        """Count a request: 0.0 if it is admitted, else the seconds to wait, and nothing was counted."""
        wait = self.wait(key, now) or self.full(key, now)
        if not wait:
            self.count(key, now)
        return wait

    def count(self, key: Key, now: float) -> None:
        """Count a request for which `wait` and `full` have just said nothing."""
        tick = self._ticks(now)
        tat = max(self._tats.get(key, tick), tick) + self._interval
        if key not in self._tats:
            self._queued += 1
            heappush(self._queue, (tat, self._queued, key))
        self._tats[key] = tat

    def uncount(self, key: Key) -> None:
        """Take back a request that was counted, and then refused by somebody else."""
        if key in self._tats:
            self._tats[key] -= self._interval

    def wait(self, key: Key, now: float) -> float:
        """Seconds until the rate admits the next request of this key, 0.0 if it does now. Counts nothing."""
        tick = self._ticks(now)
        early = self._tats.get(key, tick) - tick - self._interval * (self.rate.burst - 1)
        return self._seconds(max(early, 0))

    def full(self, key: Key, now: float) -> float:
        """0.0 if there is room for this key, else the seconds until, at the soonest, another one may be forgotten."""
        tick = self._ticks(now)
        self._forget_idle(tick)
        if key in self._tats or len(self._tats) < self.capacity:
            return ADMITTED
        return self._seconds(self._queue[0][0] - tick) if self._queue else self.rate.interval

    def peek(self, key: Key, now: float) -> Standing:
        """Where the key stands. Counts nothing."""
        tick = self._ticks(now)
        ahead = max(self._tats.get(key, tick) - tick, 0)
        return Standing(max(self.rate.burst - -(-ahead // self._interval), 0), self._seconds(ahead))

    @property
    def keys(self) -> int:
        """How many keys are held."""
        return len(self._tats)

    def fullest(self, most: int) -> list[Key]:
        """The keys that have used up most, the fullest first."""
        return nlargest(most, self._tats, key=self._tats.__getitem__)

    def _forget_idle(self, tick: int) -> None:
        """Forget idle keys: a few on every request, and if the table is full, until there is room or none is idle."""
        looked = 0
        while self._queue and self._queue[0][0] <= tick and (looked < SWEEP or len(self._tats) >= self.capacity):
            looked += 1
            _, queued, key = self._queue[0]
            tat = self._tats[key]
            if tat > tick:
                heapreplace(self._queue, (tat, queued, key))
                continue
            heappop(self._queue)
            del self._tats[key]

    def _ticks(self, now: float) -> int:
        return nanoseconds(now) * self.rate.amount

    def _seconds(self, ticks: int) -> float:
        return -(-ticks // self.rate.amount) / NANOSECONDS
