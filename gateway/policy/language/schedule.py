"""Time windows: days of the week and hours of the day, as the clocks of one zone show them.

A window whose end is not after its start runs over midnight and belongs to the day on which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

ALL_DAYS: Final = frozenset(range(7))
"""Monday is 0."""
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """On `days` (0 is Monday), from minute `start` of the day to before minute `end`, in `zone` (IANA name)."""

    days: frozenset[int] = ALL_DAYS
    start: int = 0
    end: int = DAY_MINUTES
    zone: str = "UTC"

    def contains(self, now: float) -> bool:
        """Whether the window is open at `now`, in seconds since the epoch."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only policies with a `time` pay for the zones

        local = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        today = local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return today in self.days
        return minute < self.end and (today - 1) % 7 in self.days
