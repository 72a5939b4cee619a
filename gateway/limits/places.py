"""How the shared memory is laid out, and who works on it: the file, its head, the limits and the workers.

    0        what this is, how many workers and cells there are, the secret of the names
    128      the lock
    2048     the process of every worker, by its number
    4096     the limits: name, cells that belong to it
    65536    the journal
    ...      the cells of rates, the queue of them, the cells of what runs

The file has no name (memfd): it is there as long as somebody holds it, and whoever may work on it was handed it. A
worker marks its number with a lock for as long as it lives, so that the others can tell whether it does.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gateway.limits.cells import NAME, end_of
from gateway.limits.memory import Memory

WORKERS: Final = 256
"""The most workers of one table."""
LIMITS: Final = 1024
"""The most limits that hold something at a time."""
CELLS: Final = 131_072
"""Clients, of all limits, whose rate is counted, and as many that have something running; some 20 MiB when full."""

RATE: Final = 24
"""Bytes that a cell of a rate holds: TAT, amount."""
SECRET: Final = 32

_MAGIC: Final = b"wglimit1"
_HEAD: Final = struct.Struct("<8sII32s")
_NUMBER: Final = struct.Struct("<I")
_LIMIT: Final = struct.Struct("<16sI")
_PROCESSES: Final = 2048
_LIMITS: Final = 4096
_LIMIT_SIZE: Final = 32
_JOURNAL: Final = 65_536
_JOURNAL_SIZE: Final = 262_144
_START: Final = _JOURNAL + _JOURNAL_SIZE
_FIRST_MARK: Final = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the parts lie in a table for so many workers and cells."""

    workers: int
    cells: int

    @property
    def queue(self) -> int:
        """Where the queue of the rates begins."""
        return end_of(_START, self.cells, RATE) + 16

    @property
    def running(self) -> int:
        """Where the cells of what runs begin."""
        return self.queue + 16 + 12 * (self.cells + 1)

    @property
    def rates(self) -> int:
        """Where the cells of rates begin."""
        return _START

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return end_of(self.running, self.cells, 4 * self.workers)


def make(plan: Plan) -> int:
    """A new table; the descriptor of its file, which the processes of the workers are to inherit."""
    if not 1 <= plan.workers <= WORKERS or plan.cells < 1:
        raise ValueError(f"a table of limits is for 1 to {WORKERS} workers and for a client at least")
    fd = os.memfd_create("wicketgate-limits", os.MFD_CLOEXEC)
    os.ftruncate(fd, plan.size)
    os.pwrite(fd, _HEAD.pack(_MAGIC, plan.workers, plan.cells, os.urandom(SECRET)), 0)
    memory = mapped(fd, plan)
    memory.mutex.make()
    memory.close()
    return fd


def read(fd: int) -> tuple[Plan, bytes]:
    """The plan and the secret of a table. Raises ValueError for a file that is none."""
    head = os.pread(fd, _HEAD.size, 0)
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise ValueError("the file that was handed over is no table of limits")
    _, workers, cells, secret = _HEAD.unpack(head)
    plan = Plan(workers, cells)
    if os.fstat(fd).st_size != plan.size:
        raise ValueError("the table of limits that was handed over has another size than it should")
    return plan, secret


def mapped(fd: int, plan: Plan) -> Memory:
    """The memory of a table."""
    return Memory(fd, plan.size, _JOURNAL, _JOURNAL_SIZE)


class Workers:
    """Which workers there are: the process of each, and whether it lives."""

    __slots__ = ("_memory", "_numbers")

    def __init__(self, memory: Memory, plan: Plan) -> None:
        self._memory: Final = memory
        self._numbers: Final = range(plan.workers)

    def claim(self, worker: int) -> None:
        """Be this worker, for as long as this process lives. Raises ValueError if another process is, or none can."""
        if worker not in self._numbers:
            raise ValueError(f"there is no worker {worker} in a table of limits for {len(self._numbers)}")
        if not self._memory.claim(_FIRST_MARK + worker):
            raise ValueError(f"worker {worker} of the shared limits is another process that lives")

    def enter(self, worker: int) -> None:
        """The worker is this process."""
        self._memory.put(_PROCESSES + 4 * worker, _NUMBER.pack(os.getpid()))

    def leave(self, worker: int) -> None:
        """The worker holds nothing any more."""
        self._memory.put(_PROCESSES + 4 * worker, _NUMBER.pack(0))

    def dead(self) -> list[int]:
        """The workers that may hold something, and whose process is no more."""
        return [each for each in self._numbers if not self._lives(each)]

    def _lives(self, worker: int) -> bool:
        process = _NUMBER.unpack_from(self._memory.view, _PROCESSES + 4 * worker)[0]
        return process in {0, os.getpid()} or self._memory.is_claimed(_FIRST_MARK + worker)


class Directory:
    """The limits that hold cells, by their names, and how many cells each."""

    __slots__ = ("_known", "_memory")

    def __init__(self, memory: Memory) -> None:
        self._memory: Final = memory
        self._known: Final[dict[bytes, int]] = {}

    def used(self, name: bytes) -> int:
        """How many cells the limit of this name holds."""
        at = self._known.get(name)
        if at is not None:
            found, used = self._entry(at)
            if found == name:
                return used
        at = self.find(name)
        return 0 if at is None else self._entry(at)[1]

    def has_room(self, name: bytes, more: int, used: int | None = None) -> bool:
        """Whether the limit may get a cell more, and after it as many other limits, none of which holds any yet.

        `used` is what it holds, if that is known already.
        """
        if self.used(name) if used is None else used:
            return True
        unused = (at for at in range(LIMITS) if not self._entry(at)[1])
        return sum(1 for _ in islice(unused, more + 1)) > more

    def is_of(self, at: int, name: bytes) -> bool:
        """Whether the limit of this number has this name."""
        return self._entry(at)[0] == name

    def took(self, name: bytes) -> int | None:
        """The limit gets a cell more; its number, None if there are too many limits."""
        at = self.find(name)
        if at is None:
            at = next((at for at in range(LIMITS) if not self._entry(at)[1]), None)
        if at is None:
            return None
        self._known[name] = at
        self._put(at, name, self._entry(at)[1] + 1)
        return at

    def gave_up(self, at: int) -> None:
        """The limit of this number has a cell less."""
        name, used = self._entry(at)
        self._put(at, name, used - 1)

    def find(self, name: bytes) -> int | None:
        """The number of the limit of this name; None if it holds nothing."""
        at = self._known.get(name)
        if at is not None and self._entry(at)[0] == name:
            return at
        at = next((at for at in range(LIMITS) if self._entry(at)[0] == name), None)
        if at is not None:
            self._known[name] = at
        return at

    def _entry(self, at: int) -> tuple[bytes, int]:
        name, used = _LIMIT.unpack_from(self._memory.view, _LIMITS + at * _LIMIT_SIZE)
        return name, used

    def _put(self, at: int, name: bytes, used: int) -> None:
        if len(name) != NAME:
            raise ValueError("the name of a limit has another length")
        self._memory.put(_LIMITS + at * _LIMIT_SIZE, _LIMIT.pack(name, used))
