"""The exporters as the gateway sees them: a process that is started, listened to, started again, and told to end.

A request meets nothing of this. What is heard is kept as values, and told to the operator.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.export.crew import PATIENCE
from gateway.audit.export.health import Health, Said
from gateway.audit.export.identity import log_id
from gateway.audit.export.rules import as_text
from gateway.audit.writing.errors import AuditUnavailable, cannot_write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.export.rules import Export

_MODULE: Final = "gateway.audit.export.crew"
_PAUSES: Final = (1.0, 30.0)


class Exporters:
    """The exporters of the log in `directory`. `said` hears sentences for the operator, `missed` what is never sent.

    Both are called on a thread of the exporters.
    """

    def __init__(
        self,
        exports: Sequence[Export],
        directory: Path,
        cursors: Path,
        *,
        said: Callable[[str], None],
        missed: Callable[[str], None],
    ) -> None:
        self._exports: Final = exports
        self._directory: Final = directory
        self._cursors: Final = cursors
        self._said: Final = said
        self._missed: Final = missed
        self._health: Final = {each.name: Health(name=each.name) for each in exports}
        self._ending: Final = Event()
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, if there is anything to send. The log must be there. Raises AuditUnavailable."""
        if not self._exports:
            return
        try:
            log = log_id(self._directory)
        except ValueError as error:
            raise AuditUnavailable(str(error)) from None
        except OSError as error:
            raise AuditUnavailable(cannot_write(self._directory, error)) from None
        self._thread = Thread(target=self._run, args=(log,), name="audit-exporters", daemon=True)
        self._thread.start()

    def health(self) -> tuple[Health, ...]:
        """How every exporter was when it was last heard of, a second ago at most."""
        return tuple(self._health.values())

    @property
    def process(self) -> int | None:
        """The number of the process, while there is one."""
        process = self._process
        return None if process is None else process.pid

    def close(self) -> None:
        """Let the rest be sent, as far as that takes little time, and end."""
        if self._thread is None:
            return
        self._ending.set()
        self._hang_up()
        self._thread.join(PATIENCE + 2.0)
        process = self._process
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join()
        self._thread = None

    def _run(self, log: str) -> None:
        pause, longest = _PAUSES
        while True:
            try:
                ended = self._live(log)
            except OSError as error:
                ended = f"cannot be started: {(error.strerror or 'it fails').lower()}"
            if self._ending.is_set():
                return
            self._said(f"audit: the process of the exporters {ended}, it is started again")
            if self._ending.wait(pause):
                return
            pause = min(2 * pause, longest)

    def _live(self, log: str) -> str:
        """The life of one process; how it ended."""
        heard, told = os.pipe()
        with os.fdopen(heard, "rb") as lines:
            try:
                process = self._spawned(log, told)
            finally:
                os.close(told)
            self._process = process
            with suppress(BrokenPipeError):
                self._order(process)
            if self._ending.is_set():
                self._hang_up()
            for line in lines:
                self._hear(line)
        code = process.wait()
        self._process = None
        self._hang_up(process)
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def _spawned(self, log: str, told: int) -> subprocess.Popen[bytes]:
        """Without the current folder among those that modules come from (`-P`)."""
        needs_output = any(each.kind == "stdout" for each in self._exports)
        return subprocess.Popen(  # noqa: S603 - our own module, with paths of our own
            [sys.executable, "-P", "-m", _MODULE, str(self._directory), str(self._cursors), log, str(told)],
            stdin=subprocess.PIPE,
            stdout=None if needs_output else subprocess.DEVNULL,
            pass_fds=(told,),
        )

    def _order(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.write(f"{as_text(self._exports)}\n".encode())
            process.stdin.flush()

    def _hang_up(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Close the process's input, which tells it to end."""
        process = process or self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):
                process.stdin.close()

    def _hear(self, line: bytes) -> None:
        said = Said.from_line(line)
        if said.health is not None:
            self._health[said.health.name] = said.health
        if said.sentence is not None:
            self._said(said.sentence)
        if said.missing is not None:
            self._said(f"audit: {said.missing}")
            self._missed(said.missing)
