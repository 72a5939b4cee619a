"""How a pool behaves, as the configuration says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.keys import HashBy
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstreams.pools.balancing import Balance


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How many requests may wait for a place when every server is full, and for how long, in seconds."""

    size: int = 100
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRules:
    """What a health check asks for, how often and for how long (in seconds), and which statuses are good.

    `statuses` are ranges, both ends included.
    """

    path: str
    interval: float = 10.0
    timeout: float = 2.0
    statuses: Sequence[tuple[int, int]] = ((200, 299),)

    def is_good(self, status: int) -> bool:
        """Whether a server that answers with this status is well."""
        return any(least <= status <= most for least, most in self.statuses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRules:
    """How a pool behaves. `connections` bounds the requests of one server at a time; `slow_start` is in seconds.

    Without a `check` nobody looks after the servers but the requests themselves.
    """

    balance: Balance = "round_robin"
    hash_by: HashBy = HashBy()  # noqa: RUF009 - the value is frozen, so that it can be shared
    check: CheckRules | None = None
    health: HealthRules = HealthRules()  # noqa: RUF009 - the value is frozen, so that it can be shared
    outliers: OutlierRules = OutlierRules()  # noqa: RUF009 - the value is frozen, so that it can be shared
    retries: RetryRules = RetryRules()  # noqa: RUF009 - the value is frozen, so that it can be shared
    queue: QueueRules = QueueRules()
    connections: int = 1024
    slow_start: float = 0.0
