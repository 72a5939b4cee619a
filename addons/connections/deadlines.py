"""The one deadline of a connection: what it is doing, since when, and how long it may go on like that.

There is no timer. Whoever sweeps over all connections asks each of them whether it is overdue, so that a connection
costs a few numbers instead of a task, and renewing its deadline costs an assignment.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from addons.connections.phases import BOUNDED_AS_A_WHOLE, Await, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.connections.bounds import Patience


class Deadline:
    """What a connection is doing, and until when. `last` is when something last happened on it.

    `clock` gives seconds and never runs back.
    """

    __slots__ = ("_awaited", "_clock", "_patience", "_since", "last", "phase")

    def __init__(self, patience: Patience, clock: Callable[[], float] = monotonic) -> None:
        self._patience: Final = patience
        self._clock: Final = clock
        self._awaited: Await | None = None
        self.phase = Phase.IDLE
        self.last = self._since = clock()

    def touch(self) -> None:
        """Something happened on the connection just now."""
        self.last = self._clock()

    def enter(self, phase: Phase, awaited: Await | None = None) -> None:
        """A phase begins; `awaited` is the layer's wish to be woken when it is overdue."""
        self.phase = phase
        self._awaited = awaited
        self.restart()

    def restart(self) -> None:
        """The phase begins anew."""
        self._since = self._clock()

    def is_overdue(self, now: float) -> bool:
        """Whether the phase has lasted, or was silent, for longer than it may."""
        begun = self._since if self.phase in BOUNDED_AS_A_WHOLE else max(self.last, self._since)
        return now - begun > self._patience.of(self.phase)

    def take_awaited(self) -> Await | None:
        """Who wants to be woken, once."""
        awaited, self._awaited = self._awaited, None
        return awaited
