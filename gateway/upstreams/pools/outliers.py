"""A server that fails requests one after another is spared for a while, each time longer.

Health checks ask one page every few seconds; this is told by every request. A server that was well for as long as the
longest ejection begins anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutlierRules:
    """`failures` in a row eject a server for `base` seconds, the next time twice that, and so on up to `longest`."""

    failures: int = 5
    base: float = 30.0
    longest: float = 300.0


@dataclass(slots=True)
class Outlier:
    """What one server's requests came to. Times are on a monotonic clock, in seconds."""

    rules: OutlierRules = OutlierRules()
    _failures: int = 0
    _ejections: int = 0
    _until: float = -math.inf

    def is_out(self, now: float) -> bool:
        """Whether it is spared now."""
        return now < self._until

    @property
    def is_due(self) -> bool:
        """Whether it has failed often enough to be ejected."""
        return self._failures >= self.rules.failures

    def served(self) -> None:
        """A request was answered as it should be."""
        self._failures = 0

    def failed(self) -> None:
        """A request failed: the connection broke, or the answer was a 5xx."""
        self._failures += 1

    def eject(self, now: float) -> float:
        """Spare it from now on; returns until when."""
        if now - self._until > self.rules.longest:
            self._ejections = 0
        self._ejections += 1
        self._failures = 0
        self._until = now + min(self.rules.base * self._ejections, self.rules.longest)
        return self._until
