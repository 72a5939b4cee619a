"""Lines that take no memory while nobody stands in them: a connection has ten, and idle ones are empty.

An empty `deque` takes 760 bytes, for 64 places to come; an empty list takes 56. mitmproxy gives one to every layer,
asyncio to every transport, protocol and event: 8 of the 36 kB that a connection weighed on which nothing is asked.
They hold a few things at a time, so that it costs nothing to take the first one off a list. `slim` puts them in place
once, for the process; without it everything works the same, with more memory.
"""

from __future__ import annotations

from asyncio import locks, selector_events, streams
from types import SimpleNamespace
from typing import Final

from mitmproxy.proxy import layer

MODULES: Final = (layer, locks, selector_events, streams)
"""Whose new lines are such ones."""


class Line[Item](list[Item]):
    """What of a deque is used there."""

    __slots__ = ()

    def popleft(self) -> Item:
        """Take off the first. Raises IndexError if nobody is there."""
        return self.pop(0)

    def appendleft(self, item: Item) -> None:
        """Put it before all others."""
        self.insert(0, item)


def slim() -> None:
    """Replace what these modules make their lines of. A second call changes nothing."""
    for module in MODULES:
        vars(module)["collections"] = SimpleNamespace(deque=Line)
