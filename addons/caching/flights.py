"""Single flight: of many requests for the same that nobody has yet, one goes to the origin, the others wait for it.

They wait for the whole answer, but not for long, and not in any number; as soon as it is clear that it will not be
kept, everybody goes on his own. When the one that went breaks off, the next one goes in its place.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

type Place = tuple[int, str, str]
"""Of which cache, for which key, in which partition."""

NOBODY: Final = ""
"""The client of a flight that goes on whoever leaves."""
MOST_WAITING: Final = 1000
"""Requests that wait for one."""


class Landing(Enum):
    """How a flight ended."""

    KEPT = auto()
    """Its answer was kept."""
    NOT_KEPT = auto()
    """Its answer is for him alone who asked."""
    LOST = auto()
    """Nobody knows what the answer would have been."""
    TIMEOUT = auto()
    """It takes too long to wait any longer."""


@dataclass(slots=True, eq=False)
class Flight:
    """One request on its way. `client` is the id of the connection that it came on, NOBODY if it does not need that.

    After `until`, a moment of the monotonic clock, nobody begins to wait for it any more.
    """

    place: Place
    client: str
    until: float
    _landed: asyncio.Future[Landing] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    waiting: int = 0

    @property
    def landing(self) -> Landing | None:
        """How it ended, or None while it has not."""
        return self._landed.result() if self._landed.done() else None

    def end(self, landing: Landing) -> None:
        """Tell all who wait; a second call does nothing."""
        if not self._landed.done():
            self._landed.set_result(landing)

    async def landed(self, patience: float) -> Landing:
        """Wait for the end, so many seconds at most."""
        self.waiting += 1
        try:
            async with asyncio.timeout(max(0.0, patience)):
                return await asyncio.shield(self._landed)
        except TimeoutError:
            return Landing.TIMEOUT
        finally:
            self.waiting -= 1


@dataclass(slots=True)
class Flights:
    """Everything that is on its way."""

    _flying: dict[Place, Flight] = field(default_factory=dict)

    def at(self, place: Place, now: float) -> Flight | None:
        """The request that is under way for this, if it is worth to wait for it."""
        flight = self._flying.get(place)
        return flight if flight is not None and now < flight.until else None

    def start(self, place: Place, client: str, until: float) -> Flight:
        """A request goes to the origin, and others may wait for it."""
        flight = self._flying[place] = Flight(place, client, until)
        return flight

    def land(self, flight: Flight, landing: Landing) -> None:
        """A flight came to its end; those who come now do not wait for it any more."""
        if self._flying.get(flight.place) is flight:
            del self._flying[flight.place]
        flight.end(landing)

    def lost(self, client: str) -> None:
        """A client's connection is over: whatever was on its way for it will not come."""
        for flight in [each for each in self._flying.values() if each.client == client]:
            self.land(flight, Landing.LOST)

    def __len__(self) -> int:
        return len(self._flying)

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flying.values()))
