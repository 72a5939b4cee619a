"""What health checks say of a server: it falls after some failures in a row, and rises after some successes.

The first check of all decides at once: nobody should have to fail three times to say that he was never there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HealthRules:
    """After how many failures in a row a server is down, and after how many successes it is up again."""

    fall: int = 3
    rise: int = 2


@dataclass(slots=True)
class Health:
    """The state of one server; it counts as up until somebody looked."""

    rules: HealthRules = HealthRules()
    is_up: bool = True
    _was_checked: bool = False
    _streak: int = 0

    def checked(self, *, well: bool) -> bool:
        """Take in the outcome of a check; whether that changed the state."""
        first, self._was_checked = not self._was_checked, True
        if well == self.is_up:
            self._streak = 0
            return False
        self._streak += 1
        if not first and self._streak < (self.rules.rise if well else self.rules.fall):
            return False
        self.is_up, self._streak = well, 0
        return True
