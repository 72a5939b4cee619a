"""One bash that a document's commands are given to, as a reader gives them to his: jobs and variables last.

What a command prints, errors included, and the code with which it ends come back. Jobs are ended with the shell.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE = 60.0
"""Seconds that one command may take."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A running bash. `end` is what it prints behind every command."""

    process: subprocess.Popen[bytes]
    end: str

    def run(self, command: str) -> tuple[str, int]:
        """Run one command; what it printed and its code. Raises TimeoutError."""
        script = f"eval {shlex.quote(command)} </dev/null\nprintf '%s %s\\n' {self.end} $?\n"
        assert self.process.stdin is not None
        self.process.stdin.write(script.encode())
        self.process.stdin.flush()
        printed, _, code = self._until_end(command).rpartition(self.end)
        return printed, int(code)

    def _until_end(self, command: str) -> str:
        assert self.process.stdout is not None
        deadline, said = time.monotonic() + PATIENCE, b""
        pattern = self.end.encode()
        while pattern not in said or not said.endswith(b"\n"):
            rest = deadline - time.monotonic()
            if rest < 0 or not select.select([self.process.stdout], [], [], rest)[0]:
                raise TimeoutError(f"`{command}` does not end; it said: {said.decode()}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise EOFError(f"`{command}` ended the shell; it said: {said.decode()}")
            said += piece
        return said.decode()


@contextmanager
def shell(folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """A bash in this folder, within this block."""
    with subprocess.Popen(
        ["bash", "--norc"],
        cwd=folder,
        env={**environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        running = Shell(process, f"end-{uuid4().hex}")
        try:
            yield running
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the shell and its jobs, which are one group: kindly, then for sure."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1.0 if kind == signal.SIGTERM else None)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
