"""A server of a pool, and what is known of it at the moment.

Whoever chooses asks `standing`; nothing here decides when a member falls or returns, see `health` and `outliers`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.upstreams.pools.health import Health
from gateway.upstreams.pools.outliers import Outlier

if TYPE_CHECKING:
    from gateway.upstreams.routes import Server

_LEAST_SHARE = 0.1


class Standing(StrEnum):
    """Whether a member gets requests, and why not."""

    UP = "up"
    DOWN = "down"
    """Its health checks fail."""
    EJECTED = "ejected"
    """It failed requests, one after another, and is spared for a while."""
    DRAINING = "draining"
    """It was taken out and finishes what it has."""


@dataclass(slots=True)
class Tally:
    """What came of all requests that one server was asked, and how many of them went to another one afterwards."""

    served: int = 0
    failed: int = 0
    untold: int = 0
    retried: int = 0


@dataclass(slots=True, eq=False)
class Member:
    """One server.

    `in_flight` counts its requests, `tally` what came of those that are over, `joined` is when it came or came back, on
    a monotonic clock. `note` says in a few words what was last found out about it, for people.

    Members are compared by identity: the same server in two pools is two members.
    """

    server: Server
    health: Health = field(default_factory=Health)
    outlier: Outlier = field(default_factory=Outlier)
    in_flight: int = 0
    tally: Tally = field(default_factory=Tally)
    joined: float = -math.inf
    is_draining: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """The server as people write it."""
        return f"{self.server.scheme}://{self.server.host.authority(self.server.port)}"

    def standing(self, now: float) -> Standing:
        """Whether it gets requests now."""
        if self.is_draining:
            return Standing.DRAINING
        if not self.health.is_up:
            return Standing.DOWN
        return Standing.EJECTED if self.outlier.is_out(now) else Standing.UP

    def weight(self, now: float, slow_start: float) -> float:
        """Its share, which grows over `slow_start` seconds from a tenth to the whole after it came (back)."""
        begun = now - self.joined
        if begun >= slow_start or slow_start <= 0:
            return float(self.server.weight)
        return self.server.weight * max(_LEAST_SHARE, begun / slow_start)
