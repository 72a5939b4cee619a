from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from gateway.limits.memory import Contended
from tests.unit.limits.stages import PLAN, memory_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.limits.memory import Memory

AT, OTHER = PLAN.queue, PLAN.queue + 40
HOLDER = """
import os, sys, time
from gateway.limits.places import mapped, read
fd, at, changes, how = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
memory = mapped(fd, read(fd)[0])
memory.__enter__()
for number in range(changes):
    memory.put(at + 2 * number, b"XY")
print("held", flush=True)
if how == "die":
    os.kill(os.getpid(), 9)
time.sleep(600)
"""


@contextmanager
def holder(memory: Memory, changes: int, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that takes the lock, changes something, and dies or does nothing."""
    run = [sys.executable, "-c", HOLDER, str(memory.fd), str(AT), str(changes), how]
    with subprocess.Popen(run, pass_fds=[memory.fd], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def _fill(memory: Memory) -> None:
    with memory:
        for _ in range(10):
            memory.put(0, bytes(60_000))


def test_what_was_changed_stays() -> None:
    with memory_of() as memory:
        with memory:
            memory.put(AT, b"abcdef")
        with memory:
            assert memory.view[AT : AT + 6] == b"abcdef"


def test_what_fails_changes_nothing_and_holds_nobody_up() -> None:
    with memory_of() as memory:
        with memory:
            memory.put(AT, b"abcdef")
        with suppress(LookupError), memory:
            memory.put(AT + 2, b"XX")
            memory.put(AT, b"YYYY")
            raise LookupError
        with memory:
            assert memory.view[AT : AT + 6] == b"abcdef"


@pytest.mark.parametrize("changes", [0, 1, 2, 7])
def test_a_process_that_is_killed_while_it_changes_something_has_changed_nothing(changes: int) -> None:
    with memory_of() as memory:
        before = memory.view[AT : AT + 20]
        with holder(memory, changes, "die") as dead:
            assert dead.wait() == -signal.SIGKILL
        torn = memory.view[AT : AT + 20]

        with memory:
            assert memory.view[AT : AT + 20] == before
        assert torn[: 2 * changes] == b"XY" * changes


def test_what_was_committed_outlives_a_failure_after_it() -> None:
    with memory_of() as memory:
        with suppress(LookupError), memory:
            memory.put(AT, b"kept")
            memory.commit()
            memory.put(OTHER, b"gone")
            raise LookupError

        assert (memory.view[AT : AT + 4], memory.view[OTHER : OTHER + 4]) == (b"kept", bytes(4))


def test_a_lock_that_a_stopped_process_holds_is_not_waited_for_for_ever() -> None:
    with memory_of() as memory:
        with holder(memory, 1, "stay"), pytest.raises(Contended, match="process that does not run"), memory:
            pytest.fail("the lock is held by somebody else")
        with memory:
            assert memory.view[AT : AT + 2] == bytes(2)


def test_a_change_that_is_larger_than_the_journal_is_none() -> None:
    with memory_of() as memory:
        with pytest.raises(MemoryError, match="journal"):
            _fill(memory)
        assert memory.view[:8] == b"wglimit1"


def test_a_mark_is_seen_by_other_processes_alone() -> None:
    with memory_of() as memory:
        assert memory.claim(20)
        other = f"from gateway.limits.places import mapped, read; m = mapped({memory.fd}, read({memory.fd})[0])"
        asked = f"{other}; print(m.is_claimed(20), m.claim(20), m.is_claimed(21), m.claim(21))"
        run = subprocess.run(
            [sys.executable, "-c", asked], pass_fds=[memory.fd], stdout=subprocess.PIPE, text=True, check=True
        )

        assert run.stdout == "True False False True\n"
        assert not memory.is_claimed(20)
        assert os.fstat(memory.fd).st_size == PLAN.size
