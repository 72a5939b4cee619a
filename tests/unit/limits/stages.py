"""Shared memory for the tests of its parts."""

from __future__ import annotations

from contextlib import contextmanager
from os import close
from typing import TYPE_CHECKING

from gateway.limits.places import Plan, make, mapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits.memory import Memory

PLAN = Plan(workers=3, cells=8)


@contextmanager
def memory_of(plan: Plan = PLAN) -> Iterator[Memory]:
    """New memory, unlocked."""
    fd = make(plan)
    memory = mapped(fd, plan)
    try:
        yield memory
    finally:
        memory.close()
        close(fd)
