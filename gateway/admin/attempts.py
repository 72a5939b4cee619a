"""Wrong tokens are counted, by address and in all: whoever sends too many waits, whatever the next one is."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final

from gateway.policy.rates import Limiter, Rate

if TYPE_CHECKING:
    from collections.abc import Callable

OF_ONE: Final = Rate(amount=10, period=60.0, burst=10)
OF_ALL: Final = Rate(amount=60, period=60.0, burst=60)
_KEYS: Final = 10_000
_EVERYBODY: Final = ("all",)


@dataclass(slots=True)
class Attempts:
    """The wrong tokens of the last minute. `clock` is in seconds and does not go back."""

    clock: Callable[[], float]
    _of_one: Limiter = field(default_factory=lambda: Limiter(OF_ONE, _KEYS))
    _of_all: Limiter = field(default_factory=lambda: Limiter(OF_ALL, 1))

    def wait(self, address: str) -> int:
        """Whole seconds to wait before the next token of this address is looked at; 0 if it is now."""
        now = self.clock()
        one = self._of_one.wait((address,), now) or self._of_one.full((address,), now)
        return ceil(max(one, self._of_all.wait(_EVERYBODY, now)))

    def failed(self, address: str) -> None:
        """A wrong token came from this address."""
        now = self.clock()
        self._of_one.hit((address,), now)
        self._of_all.hit(_EVERYBODY, now)
