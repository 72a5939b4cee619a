"""How often a pool may try again: a share of its requests, so that retries never become the load that breaks it.

Requests and retries are counted over the last one to two windows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RetryBudget:
    """At most `share` retries per request, but always `floor` per window; `window` in seconds."""

    share: float = 0.2
    floor: int = 3
    window: float = 10.0
    _began: float = 0.0
    _requests: tuple[int, int] = (0, 0)
    _retries: tuple[int, int] = (0, 0)

    def requested(self, now: float) -> None:
        """A client asked for something."""
        self._turn(now)
        self._requests = (self._requests[0], self._requests[1] + 1)

    def spend(self, now: float) -> bool:
        """Whether one may try again now; if so, it is counted."""
        self._turn(now)
        if sum(self._retries) >= max(self.floor, self.share * sum(self._requests)):
            return False
        self._retries = (self._retries[0], self._retries[1] + 1)
        return True

    def _turn(self, now: float) -> None:
        """Forget what is older than two windows."""
        passed = int((now - self._began) // self.window)
        if passed <= 0:
            return
        self._began += passed * self.window
        self._requests = (self._requests[1] if passed == 1 else 0, 0)
        self._retries = (self._retries[1] if passed == 1 else 0, 0)
