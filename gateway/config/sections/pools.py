"""The parts of an upstream that say how its servers are chosen, looked after, spared and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed
from gateway.policy.headers import field_name
from gateway.policy.language.operands import STATUSES
from gateway.policy.language.records import Key, Values, one_of, optional, record, required
from gateway.policy.language.scalars import DURATION, PERCENT, integer, text
from gateway.policy.language.shapes import Read, sequence
from gateway.policy.paths import REVERSE_RULES, Target
from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.keys import HashBy
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import CheckRules, QueueRules

if TYPE_CHECKING:
    from gateway.policy.language.conditions import Span
    from gateway.upstreams.pools.balancing import Balance

BALANCES: Final[tuple[Balance, ...]] = ("round_robin", "least_connections", "random_two", "hash")
"""The ways in which a server is chosen."""

_MOST_FAILURES: Final = 1000
_MOST_RETRIES: Final = 10
_LONGEST_QUEUE: Final = 10_000
_LONGEST_WAIT: Final = 60.0


def _lasting(seconds: float) -> float:
    if seconds <= 0:
        raise Malformed("nothing happens in no time at all, write a length of time above zero")
    return seconds


_TIME: Final = DURATION.then(_lasting)

_HEADER: Final = optional("header", text("the name of a field").then(field_name), "The value of this field.", None)
_COOKIE: Final = optional("cookie", text("the name of a cookie"), "The value of this cookie.", None)


def _hash(values: Values) -> Read[HashBy]:
    header, cookie = values[_HEADER], values[_COOKIE]
    return HashBy("cookie", str(cookie)) if header is None else HashBy("header", str(header))


HASH: Final = record(
    (_HEADER, _COOKIE),
    _hash,
    wanted="what tells one from another, like `{cookie: session}`",
    rules=(one_of("header", "cookie", why="without `hash` it is the address of the client"),),
)

_FALL: Final = optional("fall", integer(1, _MOST_FAILURES), "Failures after which a server is down.", 3)
_RISE: Final = optional("rise", integer(1, _MOST_FAILURES), "Successes after which it is up again.", 2)
_PATH: Final = required(
    "path", text("a path, like `/healthz`").then(lambda path: Target.parse(path, REVERSE_RULES).sent), "What is asked."
)
_INTERVAL: Final = optional("interval", _TIME, "How often.", 10.0)
_TIMEOUT: Final = optional("timeout", _TIME, "How long an answer may take.", 2.0)
_STATUSES: Final[Key[tuple[Span, ...] | None]] = optional(
    "statuses", sequence(STATUSES, "[200-299]"), "Statuses of a server that is well.", None
)


def _health(values: Values) -> Read[tuple[CheckRules, HealthRules]]:
    spans = values[_STATUSES]
    statuses = ((200, 299),) if spans is None else tuple((span.first, span.last) for span in spans)
    check = CheckRules(path=values[_PATH], interval=values[_INTERVAL], timeout=values[_TIMEOUT], statuses=statuses)
    return check, HealthRules(fall=values[_FALL], rise=values[_RISE])


HEALTH: Final = record(
    (_PATH, _INTERVAL, _TIMEOUT, _FALL, _RISE, _STATUSES), _health, wanted="health checks, like `{path: /healthz}`"
)

_STOCK_OUTLIERS: Final = OutlierRules()
_FAILURES: Final = optional(
    "failures", integer(1, _MOST_FAILURES), "Failed requests in a row.", _STOCK_OUTLIERS.failures
)
_BASE: Final = optional("base", _TIME, "How long it is spared the first time.", _STOCK_OUTLIERS.base)
_LONGEST: Final = optional("longest", _TIME, "How long at most.", _STOCK_OUTLIERS.longest)


def _outliers(values: Values) -> Read[OutlierRules]:
    if values[_LONGEST] < values[_BASE]:
        raise Malformed("`longest` is shorter than `base`, make it longer or leave both out")
    return OutlierRules(failures=values[_FAILURES], base=values[_BASE], longest=values[_LONGEST])


OUTLIERS: Final = record((_FAILURES, _BASE, _LONGEST), _outliers, wanted="outliers, like `{failures: 5, base: 30s}`")

_STOCK_RETRIES: Final = RetryRules()
_MOST: Final = optional("most", integer(0, _MOST_RETRIES), "Other servers that one request tries.", _STOCK_RETRIES.most)
_BUDGET: Final = optional("budget", PERCENT, "The share of requests that may.", _STOCK_RETRIES.budget)
RETRIES: Final = record(
    (_MOST, _BUDGET),
    lambda values: RetryRules(most=values[_MOST], budget=values[_BUDGET]),
    wanted="retries, like `{most: 2, budget: 20%}`",
)


def _patient(seconds: float) -> float:
    if seconds > _LONGEST_WAIT:
        raise Malformed(f"nobody should wait longer than {_LONGEST_WAIT:.0f}s, write less")
    return seconds


_STOCK_QUEUE: Final = QueueRules()
_SIZE: Final = optional("size", integer(0, _LONGEST_QUEUE), "How many requests wait.", _STOCK_QUEUE.size)
_WAIT: Final = optional("timeout", _TIME.then(_patient), "How long each of them.", _STOCK_QUEUE.timeout)
QUEUE: Final = record(
    (_SIZE, _WAIT),
    lambda values: QueueRules(size=values[_SIZE], timeout=values[_WAIT]),
    wanted="a queue, like `{size: 100, timeout: 5s}`",
)
