from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from addons.workers.worker import ORPHANED
from tests.e2e.commands import until

COMMAND = [sys.executable, "-P", "-m", "addons.workers.worker"]


def test_a_worker_whose_supervisor_is_gone_ends() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [*COMMAND, str(theirs.fileno())]
        worker = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
    ours.close()

    _, said = worker.communicate(timeout=60)

    assert (worker.returncode, said) == (ORPHANED, "")


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_for_the_supervisor(told: signal.Signals) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [*COMMAND, str(theirs.fileno())]
        worker = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
    until(lambda: told in _ignored(worker.pid), "the signal was never ignored")
    worker.send_signal(told)
    ours.close()

    worker.communicate(timeout=60)

    assert worker.returncode == ORPHANED


def _ignored(process: int) -> set[int]:
    """The signals that a process ignores."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    [mask] = [int(line.split()[1], 16) for line in status if line.startswith("SigIgn:")]
    return {bit + 1 for bit in range(32) if mask & 1 << bit}
