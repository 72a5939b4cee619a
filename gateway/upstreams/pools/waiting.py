"""The line in front of a pool whose servers are all busy: first come, first served, bounded, and nobody waits for ever.

A place is handed over when one is given back; whoever leaves the line at that very moment gives it on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.upstreams.pools.pool import NoPlace, Outcome, PlaceAt

if TYPE_CHECKING:
    from gateway.upstreams.pools.pool import Pool

    type _Waiter = tuple[bytes, asyncio.Future[PlaceAt | NoPlace]]


class Line:
    """Those who wait for a place in `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool: Final = pool
        self._waiting: Final[deque[_Waiter]] = deque()
        pool.moved = self._serve

    def __len__(self) -> int:
        return len(self._waiting)

    async def take(self, key: bytes = b"") -> PlaceAt | NoPlace:
        """A place, as soon as there is one; FULL if the line is too long, or moves too slowly."""
        found = NoPlace.FULL if self._waiting else self._pool.take(key)
        rules = self._pool.rules.queue
        if found is not NoPlace.FULL or len(self._waiting) >= rules.size:
            return found
        turn: asyncio.Future[PlaceAt | NoPlace] = asyncio.get_running_loop().create_future()
        waiter = (key, turn)
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(rules.timeout):
                return await asyncio.shield(turn)
        except TimeoutError:
            return turn.result() if turn.done() else NoPlace.FULL
        except asyncio.CancelledError:
            if turn.done() and isinstance(given := turn.result(), PlaceAt):
                given.end(Outcome.UNTOLD)
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _serve(self) -> None:
        """Something changed in the pool: let those in front have what there is."""
        while self._waiting:
            found = self._pool.take(self._waiting[0][0])
            if found is NoPlace.FULL:
                return
            _, turn = self._waiting.popleft()
            turn.set_result(found)
