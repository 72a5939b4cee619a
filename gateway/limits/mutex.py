"""A lock in memory that processes share, which outlives whoever dies while he holds it.

It is a mutex of the system's threads, shared and robust: taking it when nobody has it is an instruction of the
processor, whoever waits for it sleeps in the kernel, and of a holder that died the next one is told. So a waiter costs
nothing while a holder does not run, which on a machine with more processes than cores is most of what waiting is.

Source: POSIX.1-2024, pthread_mutexattr_setrobust, pthread_mutex_clocklock; futex(2), get_robust_list(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
from time import CLOCK_MONOTONIC, monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mmap import mmap

SIZE: Final = 64
"""Bytes that a mutex may take, with room to spare; it begins at a multiple of them."""

_SHARED: Final = 1
"""PTHREAD_PROCESS_SHARED."""
_ROBUST: Final = 1
"""PTHREAD_MUTEX_ROBUST."""
_TRIES: Final = 30
"""Of a waiter, before it sleeps: a holder that runs is done in less time than that."""
_NANO: Final = 1_000_000_000
_HELD: Final = ctypes.PyDLL(None, use_errno=False)  # calls that never wait, for which no other thread need be let in
_WAITING: Final = ctypes.CDLL(None, use_errno=False)


class Contended(OSError):  # noqa: N818 - it says what the lock is
    """The lock could not be had in time: a process that holds it does not run."""


class _Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class Mutex:
    """The mutex at `at` of the memory, which cannot be closed before it.

    Nor may it be closed while it is held: the system keeps a list, in this memory, of what a thread holds.
    """

    __slots__ = ("_held", "_place", "_release", "_try")

    def __init__(self, memory: mmap, at: int) -> None:
        self._held: Final = ctypes.c_char.from_buffer(memory, at)
        self._place = ctypes.c_void_p(ctypes.addressof(self._held))
        self._try: Final = _HELD.pthread_mutex_trylock
        self._release: Final = _HELD.pthread_mutex_unlock

    def make(self) -> None:
        """Make it, in memory that nobody else uses yet. Raises OSError."""
        kind = ctypes.create_string_buffer(SIZE)
        for problem in (
            _HELD.pthread_mutexattr_init(kind),
            _HELD.pthread_mutexattr_setpshared(kind, _SHARED),
            _HELD.pthread_mutexattr_setrobust(kind, _ROBUST),
            _HELD.pthread_mutex_init(self._place, kind),
        ):
            if problem:
                raise OSError(problem, os.strerror(problem))

    def take(self, patience: float) -> None:
        """Have it, within so many seconds. Raises Contended."""
        said = self._try(self._place)
        if said:
            self._wait(said, patience)

    def give_back(self) -> None:
        """Let the next one have it."""
        self._release(self._place)

    def close(self) -> None:
        """Let go of the memory."""
        del self._held, self._place

    def _wait(self, said: int, patience: float) -> None:
        tries = 0
        while said == errno.EBUSY and (tries := tries + 1) <= _TRIES:
            said = self._try(self._place)
        if said == errno.EBUSY:
            seconds, part = divmod(monotonic() + patience, 1)
            until = _Moment(int(seconds), int(part * _NANO))
            said = _WAITING.pthread_mutex_clocklock(self._place, CLOCK_MONOTONIC, ctypes.byref(until))
        if said == errno.EOWNERDEAD:
            said = _HELD.pthread_mutex_consistent(self._place)
        if said:
            raise Contended("the shared limits are held by a process that does not run")
