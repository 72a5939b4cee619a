"""What a sweep over all connections looks at beyond their phases: the watches that layers of one connection set up.

It is the one clock for everything that lasts: a connection costs a few numbers, and nothing at all while bytes pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from addons.connections.phases import Sight, Watch


class Watches:
    """What the layers of one connection want to be looked at whenever somebody sweeps."""

    __slots__ = ("_all", "_due", "_sight")

    def __init__(self, sight: Sight) -> None:
        self._sight: Final = sight
        self._all: list[Watch] = []
        self._due: list[Watch] = []

    def add(self, watch: Watch) -> None:
        """From now on it is looked at; a layer that was woken says so again."""
        if watch not in self._all:
            self._all.append(watch)

    def look(self, now: float) -> bool:
        """Whether a layer has to be woken."""
        self._due = [each for each in self._all if each.look(now, self._sight)]
        return bool(self._due)

    def take_due(self) -> list[Watch]:
        """Who has to be woken, once."""
        due, self._due = self._due, []
        return due


def is_waited_for(reader: object) -> bool:
    """Whether somebody waits for the next bytes of a stream reader, and none lie there that nobody has taken."""
    return getattr(reader, "_waiter", None) is not None
