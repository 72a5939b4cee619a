"""What runs at the same time, in shared memory: a count per key and worker, so that those of a dead one can be dropped.

A key has a cell only while it holds something. Whoever refuses because of others looks first whether they live.
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

_COUNT: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Bounded:
    """A number of exchanges at the same time, under its name in the memory."""

    name: bytes
    most: int
    capacity: int


class Running:
    """Counts what runs for `worker`. Everything is asked and done while the memory is locked."""

    __slots__ = ("_cells", "_counts", "_limits", "_memory", "_one", "_worker", "_workers")

    def __init__(self, memory: Memory, plan: Plan, limits: Directory, workers: Workers, worker: int) -> None:
        self._memory: Final = memory
        self._cells: Final = Cells(memory, plan.running, plan.cells, 4 * plan.workers)
        self._counts: Final = struct.Struct(f"<{plan.workers}I")
        self._limits: Final = limits
        self._workers: Final = workers
        self._worker: Final = worker
        self._one: Final = self._counts.pack(*(int(each == worker) for each in range(plan.workers)))

    def refusal(self, bounded: Bounded, name: bytes, more: int) -> Reason | None:
        """Why nothing more may run for this key, None if something may.

        There has to be room for `more` keys of other limits too. Nothing else may have been changed before.
        """
        reason = self._refusal(bounded, name, more)
        if reason is None or not (dead := self._workers.dead()):
            return reason
        for worker in dead:
            self.bury(worker)
        return self._refusal(bounded, name, more)

    def _refusal(self, bounded: Bounded, name: bytes, more: int) -> Reason | None:
        cell = self._cells.find(name)
        if self._sum(cell) >= bounded.most:
            return Reason.CONCURRENCY_EXCEEDED
        return None if cell != NONE or self._has_room(bounded, more) else Reason.LIMIT_TABLE_FULL

    def held(self, name: bytes) -> int:
        """How much runs for this key."""
        return self._sum(self._cells.find(name))

    def take(self, bounded: Bounded, name: bytes) -> int:
        """Count something that runs from now on, and against which `refusal` has just said nothing; how much does."""
        cell = self._cells.find(name)
        if cell == NONE:
            limit = self._limits.took(bounded.name)
            if limit is None or self._cells.add(name, limit, self._one) == NONE:
                raise MemoryError("there is no room for a client that was promised some")
            return 1
        self._change(cell, self._worker, 1)
        return self._sum(cell)

    def give_back(self, name: bytes) -> None:
        """Something that this worker took has ended."""
        cell = self._cells.find(name)
        counts = (0,) if cell == NONE else self._counts.unpack_from(self._memory.view, cell + HEAD)
        if cell == NONE or not counts[self._worker]:
            return
        if sum(counts) == 1:
            self._drop(cell)
        else:
            self._change(cell, self._worker, -1)

    def bury(self, worker: int) -> None:
        """Give back all that a worker holds; each key by a change of its own. Nothing else may have been changed."""
        for cell in self._cells:
            counts = self._counts.unpack_from(self._memory.view, cell + HEAD)
            if counts[worker]:
                self._change(cell, worker, -counts[worker])
                self._forget(cell)
                self._memory.commit()
        self._workers.leave(worker)
        self._memory.commit()

    @property
    def keys(self) -> int:
        """How many keys of all limits have something running."""
        return self._cells.used

    def _has_room(self, bounded: Bounded, more: int) -> bool:
        used = self._limits.used(bounded.name)
        if used >= bounded.capacity or self._cells.used + more >= self._cells.count:
            return False
        return self._limits.has_room(bounded.name, more, used)

    def _sum(self, cell: int) -> int:
        return 0 if cell == NONE else sum(self._counts.unpack_from(self._memory.view, cell + HEAD))

    def _change(self, cell: int, worker: int, by: int) -> None:
        at = cell + HEAD + _COUNT.size * worker
        self._memory.put(at, _COUNT.pack(_COUNT.unpack_from(self._memory.view, at)[0] + by))

    def _forget(self, cell: int) -> None:
        if not self._sum(cell):
            self._drop(cell)

    def _drop(self, cell: int) -> None:
        self._limits.gave_up(self._cells.limit(cell))
        self._cells.remove(cell)
