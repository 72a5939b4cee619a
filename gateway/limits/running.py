"""What runs at the same time, in shared memory: a count per key and worker, so that those of a dead one can be dropped.

A worker alone changes its own counts, and what a dead one held is given back, so that they need no journal; what ends
is given back without the lock. The cell of a key that holds nothing is kept for the client's next request, until the
hand that goes around comes to it: a client's requests one after the other would make and drop it each time.
Whoever refuses because of others looks first whether they live.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.limits.cells import HEAD, NONE, Cells
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from gateway.limits.memory import Memory
    from gateway.limits.places import Directory, Plan, Workers

LOOKS: Final = 2
"""Cells that the hand looks at for every one that is taken."""
KEPT: Final = 4096
"""Cells that are left alone: so few need no room."""
SEARCH: Final = 64
"""Cells that it looks at where there is no room: no request has others wait for longer."""
_COUNT: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number of exchanges at the same time, under its name in the memory."""

    name: bytes
    most: int
    capacity: int


class Running:
    """Counts what runs for `worker`. Everything but `give_back` is asked and done while the memory is locked.

    What was `forgotten` is counted: cells that were found before then may be somebody else's.
    """

    __slots__ = (
        "_cells",
        "_counts",
        "_grew",
        "_hand",
        "_limits",
        "_memory",
        "_nothing",
        "_worker",
        "_workers",
        "forgotten",
    )

    def __init__(self, memory: Memory, plan: Plan, limits: Directory, workers: Workers, worker: int) -> None:
        self._memory: Final = memory
        self._cells: Final = Cells(memory, plan.running, plan.cells, 4 * plan.workers)
        self._counts: Final = struct.Struct(f"<{plan.workers}I")
        self._limits: Final = limits
        self._workers: Final = workers
        self._worker: Final = worker
        self._nothing: Final = bytes(4 * plan.workers)
        self._grew = False
        self._hand = 0
        self.forgotten = 0

    def find(self, name: bytes) -> int:
        """The cell of a key, NONE if it has none."""
        return self._cells.find(name)

    def refusal(self, bounded: Bounded, cell: int, more: int) -> Reason | None:
        """Why nothing more may run for the key of this cell, None if something may.

        There has to be room for `more` keys of other limits too. Nothing else may have been changed before.
        """
        reason = self._refusal(bounded, cell, more)
        if reason is None or not (dead := self._workers.dead()):
            return reason
        for worker in dead:
            self.bury(worker)
        return self._refusal(bounded, cell, more)

    def _refusal(self, bounded: Bounded, cell: int, more: int) -> Reason | None:
        if cell != NONE:
            return Reason.CONCURRENCY_EXCEEDED if self.held(cell) >= bounded.most else None
        has_room = self._has_room(bounded, more) or self._made_room(bounded, more)
        return None if has_room else Reason.LIMIT_TABLE_FULL

    def held(self, cell: int) -> int:
        """How much runs for the key of this cell."""
        return 0 if cell == NONE else sum(self._counts.unpack_from(self._memory.view, cell + HEAD))

    def place(self, bounded: Bounded, name: bytes, cell: int) -> int:
        """The cell of a key against which `refusal` has just said nothing: the one that it has, or a new one."""
        if cell != NONE:
            return cell
        limit = self._limits.took(bounded.name)
        if limit is None or (cell := self._cells.add(name, limit, self._nothing)) == NONE:
            raise MemoryError("there is no room for a client that was promised some")
        self._grew = True
        return cell

    def take(self, cell: int) -> None:
        """Count something that runs from now on. What was changed before is to be committed: this stays at once."""
        self._memory.counts[(cell + HEAD >> 2) + self._worker] += 1

    def give_back(self, cell: int) -> None:
        """Something that this worker took has ended. The lock need not be held: a cell that holds something stays."""
        mine = (cell + HEAD >> 2) + self._worker
        if self._memory.counts[mine]:
            self._memory.counts[mine] -= 1

    def sweep(self) -> None:
        """After a new cell, look at a few, and drop what nobody uses; nothing else may have been changed before."""
        if self._grew:
            self._grew = False
            if self._cells.used > KEPT:
                self._search(LOOKS)

    def bury(self, worker: int) -> None:
        """Give back all that a worker holds; each key by a change of its own. Nothing else may have been changed."""
        for cell in self._cells:
            if self._memory.counts[(cell + HEAD >> 2) + worker]:
                self._memory.put(cell + HEAD + _COUNT.size * worker, bytes(_COUNT.size))
                self._memory.commit()
        self._workers.leave(worker)
        self._memory.commit()

    @property
    def keys(self) -> int:
        """How many keys of all limits have something running."""
        return sum(1 for cell in self._cells if self.held(cell))

    def keys_of(self, name: bytes) -> int:
        """How many keys of the limit of this name have something running. Without the lock: it is a figure."""
        at = self._limits.find(name)
        return sum(1 for cell in self._cells if self._cells.limit(cell) == at and self.held(cell))

    def _has_room(self, bounded: Bounded, more: int) -> bool:
        used = self._limits.used(bounded.name)
        if used >= bounded.capacity or self._cells.used + more >= self._cells.count:
            return False
        return self._limits.has_room(bounded.name, more, used)

    def _made_room(self, bounded: Bounded, more: int) -> bool:
        """Whether there is room after a search."""
        self._search(SEARCH)
        return self._has_room(bounded, more)

    def _search(self, looks: int) -> None:
        """Have the hand look at so many cells, but at none twice."""
        made = self._cells.made
        for _ in range(min(looks, made)):
            self._hand = self._hand % made + 1
            cell = self._cells.numbered(self._hand)
            if self._cells.is_used(cell) and not self.held(cell):
                self.forgotten += 1
                self._limits.gave_up(self._cells.limit(cell))
                self._cells.remove(cell)
                self._memory.commit()
