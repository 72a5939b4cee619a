"""What runs here and is counted in the store: each lease renewed while it runs, and given back when it ends.

A gateway that dies renews nothing, so what it held expires. One that is cut off from the store renews again when it is
back, and then counts on, also in a store that forgot everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LIFE: Final = 30.0
"""Seconds after which a lease expires that nobody renews."""
RENEWAL: Final = 10.0
"""Seconds between two renewals."""
AT_ONCE: Final = 500
"""Leases that are renewed or given back by one command."""

type Held = tuple[str, str]
"""What the store calls the key, and the lease."""


class Leases:
    """Those that are out, and those to be given back, of which the oldest are left to expire if there are too many."""

    __slots__ = ("_out", "_over", "_room")

    def __init__(self, room: int = 100_000) -> None:
        self._out: Final[dict[Held, None]] = {}
        self._over: Final[dict[Held, None]] = {}
        self._room: Final = room

    def take(self, held: Held) -> None:
        """It is held from now on."""
        self._out[held] = None

    def end(self, held: Held) -> None:
        """It is to be given back, whether it is known to be held or only may be."""
        self._out.pop(held, None)
        self._over[held] = None
        if len(self._over) > self._room:
            del self._over[next(iter(self._over))]

    def given_back(self, those: list[Held]) -> None:
        """The store has taken these back."""
        for each in those:
            self._over.pop(each, None)

    def to_give_back(self) -> list[Held]:
        """The next of those that have ended."""
        return [each for each, _ in zip(self._over, range(AT_ONCE), strict=False)]

    def to_renew(self) -> Iterator[list[Held]]:
        """Those that are out, a few at a time."""
        out = list(self._out)
        for at in range(0, len(out), AT_ONCE):
            yield [each for each in out[at : at + AT_ONCE] if each in self._out]

    def __len__(self) -> int:
        return len(self._out)
