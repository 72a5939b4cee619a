"""Between processes: tests/unit/limits/test_memory.py, where holders die and are stopped."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from mmap import mmap
from os import close, ftruncate, memfd_create
from typing import TYPE_CHECKING

import pytest

from gateway.limits.mutex import SIZE, Contended, Mutex

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD = """
import os, sys
from mmap import mmap
from gateway.limits.mutex import Mutex
held = Mutex(mmap(int(sys.argv[1]), 4096), 64)
held.take(1.0)
os.kill(os.getpid(), 9)
"""


@contextmanager
def mutex() -> Iterator[tuple[Mutex, int]]:
    fd = memfd_create("mutex")
    ftruncate(fd, 4096)
    memory = mmap(fd, 4096)
    made = Mutex(memory, SIZE)
    made.make()
    try:
        yield made, fd
    finally:
        made.close()
        memory.close()
        close(fd)


def test_it_is_had_by_one_at_a_time_and_not_waited_for_for_ever() -> None:
    with mutex() as (one, _):
        one.take(0.0)
        with pytest.raises(Contended, match="process that does not run"):
            one.take(0.01)
        one.give_back()
        one.take(0.0)
        one.give_back()


def test_whoever_comes_after_a_dead_holder_has_it_and_so_has_the_next() -> None:
    with mutex() as (one, fd):
        for _ in range(2):
            died = subprocess.run([sys.executable, "-c", HELD, str(fd)], pass_fds=[fd], check=False)
            assert died.returncode == -9
        one.take(0.0)
        one.give_back()
        one.take(0.0)
        one.give_back()


def test_memory_cannot_go_before_the_mutex_in_it() -> None:
    fd = memfd_create("mutex")
    ftruncate(fd, 4096)
    memory = mmap(fd, 4096)
    made = Mutex(memory, SIZE)
    with pytest.raises(BufferError):
        memory.close()
    made.close()
    memory.close()
    close(fd)
