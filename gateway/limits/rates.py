"""The rates of all limits in shared memory: the rule of `gateway.policy.rates`, on cells that every worker sees.

Time is counted as there, in whole ticks of 1 ns / amount, so that both say the same to the last digit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.limits.cells import HEAD, NONE, Cells
from gateway.limits.places import RATE
from gateway.limits.queue import Queue
from gateway.policy.rates import NANOSECONDS, SWEEP, Standing

if TYPE_CHECKING:
    from gateway.limits.memory import Memory
    from gateway.limits.places import Directory, Plan
    from gateway.policy.rates import Rate

_AMOUNT: Final = struct.Struct("<Q")
_TAT: Final = 16
TURNS: Final = 8
"""So many requests of a worker are counted between two looks at what is idle."""
LINGER: Final = NANOSECONDS
"""Nanoseconds for which an idle key is kept where there is room: its client may come again soon."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A rate of a limit, under its name in the memory. `interval` is in ticks."""

    name: bytes
    rate: Rate
    capacity: int
    interval: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval", round(self.rate.period * NANOSECONDS))

    def seconds(self, ticks: int) -> float:
        """Ticks as seconds, rounded up to whole nanoseconds."""
        return -(-ticks // self.rate.amount) / NANOSECONDS

    def early(self, ahead: int) -> int:
        """How many ticks too early a request is whose key has its TAT so far in the future; none if it is admitted."""
        return max(ahead - self.interval * (self.rate.burst - 1), 0)

    def standing(self, ahead: int) -> Standing:
        """Where a key stands that has its TAT so many ticks in the future."""
        return Standing(max(self.rate.burst - -(-ahead // self.interval), 0), self.seconds(ahead))


class Rates:
    """Counts requests. Everything is asked and done while the memory is locked; `now` is in nanoseconds.

    What was `forgotten` is counted: cells that were found before then may be somebody else's.
    """

    __slots__ = ("_cells", "_limits", "_memory", "_queue", "_turn", "forgotten")

    def __init__(self, memory: Memory, plan: Plan, limits: Directory) -> None:
        self._memory: Final = memory
        self._cells: Final = Cells(memory, plan.rates, plan.cells, RATE)
        self._queue: Final = Queue(memory, plan.queue)
        self._limits: Final = limits
        self._turn = 0
        self.forgotten = 0

    def find(self, name: bytes) -> int:
        """The cell of a key, NONE if it has none."""
        return self._cells.find(name)

    def tat(self, cell: int) -> int:
        """The TAT in a cell, in ticks; 0, which has passed, where there is none."""
        return 0 if cell == NONE else int.from_bytes(self._memory.view[cell + HEAD : cell + HEAD + _TAT], "little")

    def sweep(self, now: int) -> None:
        """Now and then, forget a few of the keys that were idle for some time; nothing may have been changed before.

        Not at once: a client that comes again soon would have its key made anew each time, which is most of the work.
        """
        self._turn = (self._turn + 1) % TURNS
        if self._turn:
            return
        for _ in range(TURNS * SWEEP):
            if not self._looks(now - LINGER):
                return

    def room(self, counted: Counted, now: int, more: int) -> float:
        """0.0 if there is room for another key and for `more` of other limits, else how long there may be none.

        That is in seconds. Forgets idle keys until there is room. Nothing else may have been changed before.
        """
        while not self._has_room(counted, more):
            if not self._looks(now):
                return self._until_idle(counted, now)
        return 0.0

    def count(self, counted: Counted, name: bytes, cell: int, tat: int) -> None:
        """Count a request that is admitted: from now on this is the TAT of the key, which has this cell or none."""
        if cell != NONE:
            self._set(cell, tat)
            return
        limit, amount = self._limits.took(counted.name), counted.rate.amount
        held = tat.to_bytes(_TAT, "little") + _AMOUNT.pack(amount)
        if limit is None or (cell := self._cells.add(name, limit, held)) == NONE:
            raise MemoryError("there is no room for a client that was promised some")
        self._queue.push(-(-tat // amount), self._cells.number(cell))

    def uncount(self, counted: Counted, name: bytes) -> None:
        """Take back a request that was counted."""
        cell = self._cells.find(name)
        if cell != NONE:
            self._set(cell, max(self.tat(cell) - counted.interval, 0))

    @property
    def keys(self) -> int:
        """How many keys of all limits are held."""
        return self._cells.used

    def _has_room(self, counted: Counted, more: int) -> bool:
        used = self._limits.used(counted.name)
        if used >= counted.capacity or self._cells.used + more >= self._cells.count:
            return False
        return self._limits.has_room(counted.name, more, used)

    def _until_idle(self, counted: Counted, now: int) -> float:
        """When the first key may be forgotten, if it is one of this limit."""
        first = self._queue.first()
        if first is None or not self._limits.is_of(self._cells.limit(self._cells.numbered(first[1])), counted.name):
            return counted.rate.interval
        return (first[0] - now) / NANOSECONDS

    def _looks(self, now: int) -> bool:
        """Look at the first of the queue, unless it is certain to be busy."""
        first = self._queue.first()
        if first is None or first[0] > now:
            return False
        self._look(first[1], now)
        return True

    def _look(self, number: int, now: int) -> None:
        """Forget the first of the queue, or queue it again if it is busy; a change of its own."""
        cell = self._cells.numbered(number)
        idle = -(-self.tat(cell) // self._amount(cell))
        if idle > now:
            self._queue.postpone(idle)
        else:
            self.forgotten += 1
            self._queue.pop()
            self._limits.gave_up(self._cells.limit(cell))
            self._cells.remove(cell)
        self._memory.commit()

    def _amount(self, cell: int) -> int:
        return int(_AMOUNT.unpack_from(self._memory.view, cell + HEAD + _TAT)[0])

    def _set(self, cell: int, tat: int) -> None:
        self._memory.put(cell + HEAD, tat.to_bytes(_TAT, "little"))
