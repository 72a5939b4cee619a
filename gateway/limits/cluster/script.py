"""What the store does for one request, in one go: look at all its limits, and charge all of them or none.

A script runs alone, so nothing comes between the look and the charge; and it asks the store for the time, so that the
clocks of gateways do not matter. A rate is the TAT of `gateway.policy.rates`, in whole microseconds and the rest in
parts of 1 us / amount: numbers of Lua hold 53 bits, and nothing may be rounded in a client's favour. What runs is a set
of leases, each with the time at which it expires unless it is renewed.

Source: ITU-T I.371 (GCRA); Redis documentation, EVALSHA and TIME.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.limits import MOMENT, LimitOutcome, LimitState, Refusal, refused_by
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.limits import Key, LimitSpec
    from gateway.policy.rates import Rate

MICROSECONDS: Final = 1_000_000
FIELDS: Final = 6
"""Arguments per limit."""

CHARGE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local enforced, lease, life = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local seen, refuses = {}, {}
for i, key in ipairs(KEYS) do
  local at = 4 + (i - 1) * 6
  local a, b, amount, most, part = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  if ARGV[at] == 'rate' then
    local us, rest = now, 0
    local held = redis.call('GET', key)
    if held then
      local u, r = string.match(held, '^(%d+):(%d+)$')
      if not u then return redis.error_reply('STRANGE a rate holds something else') end
      if tonumber(u) >= now then us, rest = tonumber(u), tonumber(r) end
    end
    local ahead = us - now
    seen[i] = {us, rest}
    refuses[i] = ahead > tonumber(most) or (ahead == tonumber(most) and rest > tonumber(part))
  else
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    local running = redis.call('ZCARD', key)
    seen[i] = {running, 0}
    refuses[i] = running >= tonumber(most)
  end
end
local refused = false
for i = 1, enforced do refused = refused or refuses[i] end
local said = {refused and 1 or 0}
for i, key in ipairs(KEYS) do
  local at = 4 + (i - 1) * 6
  local us, rest = seen[i][1], seen[i][2]
  if not refused and not refuses[i] then
    if ARGV[at] == 'rate' then
      us, rest = us + ARGV[at + 1], rest + ARGV[at + 2]
      if rest >= tonumber(ARGV[at + 3]) then us, rest = us + 1, rest - ARGV[at + 3] end
      local life = string.format('%.0f', math.ceil((us - now) / 1000) + 1)
      redis.call('SET', key, string.format('%.0f:%.0f', us, rest), 'PX', life)
    else
      us = us + 1
      redis.call('ZADD', key, now + life * 1000, lease)
      redis.call('PEXPIRE', key, life)
    end
  end
  if ARGV[at] == 'rate' then us = us - now end
  said[#said + 1] = refuses[i] and 1 or 0
  said[#said + 1] = string.format('%.0f', us)
  said[#said + 1] = string.format('%.0f', rest)
end
return said
"""

RENEW: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local life = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + life * 1000, ARGV[i + 1])
  redis.call('PEXPIRE', key, life)
end
return #KEYS
"""


def digest(script: str) -> str:
    """The name of a script for EVALSHA."""
    return sha1(script.encode("ascii"), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Asked:
    """One limit with the key of a request, and what the store calls it."""

    spec: LimitSpec
    key: Key
    name: str

    @property
    def arguments(self) -> tuple[str | int, ...]:
        """What the script is told of it."""
        if self.spec.rate is None:
            return ("running", 0, 0, 0, self.spec.concurrent or 0, 0)
        rate, interval = self.spec.rate, _interval(self.spec.rate)
        return ("rate", *divmod(interval, rate.amount), rate.amount, *divmod(interval * (rate.burst - 1), rate.amount))

    def refusal(self, us: int, rest: int) -> Refusal:
        """What it says against the request, as it stands in the store."""
        rate = self.spec.rate
        if rate is None:
            return Refusal(MOMENT, self.spec.id, Reason.CONCURRENCY_EXCEEDED)
        early = us * rate.amount + rest - _interval(rate) * (rate.burst - 1)
        return Refusal(_seconds(early, rate), self.spec.id, Reason.RATE_EXCEEDED)

    def state(self, us: int, rest: int) -> LimitState:
        """Where the client stands."""
        spec, rate = self.spec, self.spec.rate
        if rate is None:
            most = spec.concurrent or 0
            return LimitState(spec.id, most, 0.0, max(most - us, 0), 0.0, spec.key, self.key)
        ahead = us * rate.amount + rest
        left = max(rate.burst - -(-ahead // _interval(rate)), 0)
        return LimitState(spec.id, rate.amount, rate.period, left, _seconds(ahead, rate), spec.key, self.key)


def arguments(limits: Sequence[Asked], trials: Sequence[Asked], lease: str, life: float) -> list[str | int]:
    """All that EVALSHA gets after the script: how many keys, the keys, and what goes with them. `life` in seconds."""
    asked = [*limits, *trials]
    head: list[str | int] = [len(asked), *(each.name for each in asked), len(limits), lease, round(life * 1000)]
    return head + [argument for each in asked for argument in each.arguments]


def read(
    limits: Sequence[Asked], trials: Sequence[Asked], said: Any
) -> tuple[LimitOutcome, frozenset[str], list[Asked]]:
    """What the store said: of the limits, which trials would refuse, and what holds a lease now.

    Raises ValueError for an answer that the script cannot have given.
    """
    asked = [*limits, *trials]
    if not isinstance(said, list) or len(said) != 1 + 3 * len(asked):
        raise ValueError("the answer of the store is none of the script")
    refused, numbers = int(said[0]), [int(each) for each in said[1:]]
    seen = list(zip(asked, numbers[::3], numbers[1::3], numbers[2::3], strict=True))
    states = tuple(each.state(us, rest) for each, _, us, rest in seen[: len(limits)])
    if refused:
        refusals = [each.refusal(us, rest) for each, refuses, us, rest in seen[: len(limits)] if refuses]
        return refused_by(refusals, states), frozenset(), []
    held = [each for each, refuses, _, _ in seen if each.spec.rate is None and not refuses]
    return LimitOutcome(states=states), frozenset(each.spec.id for each, refuses, _, _ in seen if refuses), held


def _interval(rate: Rate) -> int:
    """Between two requests, in parts of 1 us / amount."""
    return max(round(rate.period * MICROSECONDS), 1)


def _seconds(parts: int, rate: Rate) -> float:
    return -(-parts // rate.amount) / MICROSECONDS
