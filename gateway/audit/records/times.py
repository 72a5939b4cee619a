"""How the log writes a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_MICROSECONDS: Final = 1_000_000


def timestamp(now: float) -> str:
    """RFC 3339 in UTC with microseconds, `2026-11-23T10:00:00.123456Z`; `now` in seconds since the epoch."""
    second, rest = divmod(round(now * _MICROSECONDS), _MICROSECONDS)
    return f"{_second(second)}.{rest:06d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """A whole second, which many records share."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
