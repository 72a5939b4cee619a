"""What is dear to make and kept for a while, by host: bounded, and each thing only until it is due to be renewed.

When it is full, what was asked for longest ago gives way: a scan over many hosts costs the busy ones nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final


class Shelf[T]:
    """Keeps at most `capacity` things. The caller brings the time, in seconds on whatever clock. Not thread-safe."""

    def __init__(self, capacity: int) -> None:
        self._capacity: Final = capacity
        self._things: Final[OrderedDict[str, tuple[float, T]]] = OrderedDict()

    def find(self, name: str, now: float) -> T | None:
        """The thing of this name, if it is there and not due yet."""
        found = self._things.get(name)
        if found is None:
            return None
        due, thing = found
        if now >= due:
            del self._things[name]
            return None
        self._things.move_to_end(name)
        return thing

    def keep(self, name: str, thing: T, due: float) -> None:
        """Keep a thing until it is due, in place of another of its name."""
        self._things[name] = (due, thing)
        self._things.move_to_end(name)
        if len(self._things) > self._capacity:
            self._things.popitem(last=False)

    def clear(self) -> None:
        """Let go of everything."""
        self._things.clear()

    def __len__(self) -> int:
        return len(self._things)
