"""The same message again and again is shown once in a while, with the number of those that were not.

What fails for one request fails for thousands: whoever can make a request fail must not be able to fill a disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY: Final = 10.0
"""Seconds between two lines that say the same."""
MOST: Final = 500
"""Messages that are told apart; what comes beyond is the same to us."""
_OTHERS: Final = ("", "")

type Key = tuple[str, str]


@dataclass(slots=True)
class _Held:
    shown: float
    count: int = 0


@dataclass(slots=True)
class Repeats:
    """`clock` is monotonic, in seconds. A message is told by who says it and by its text without its values."""

    clock: Callable[[], float]
    every: float = EVERY
    _held: dict[Key, _Held] = field(default_factory=dict)

    def admit(self, key: Key) -> int | None:
        """How often this was held back since it was last shown, if it may be shown now; else None."""
        now = self.clock()
        if key not in self._held and len(self._held) >= MOST:
            self._forget(now)
            key = key if len(self._held) < MOST else _OTHERS
        held = self._held.get(key)
        if held is None:
            self._held[key] = _Held(now)
            return 0
        if now - held.shown < self.every:
            held.count += 1
            return None
        count, held.shown, held.count = held.count, now, 0
        return count

    def _forget(self, now: float) -> None:
        """Forget what was not repeated for as long as it would be held back."""
        for key, held in list(self._held.items()):
            if held.count == 0 and now - held.shown >= self.every:
                del self._held[key]
