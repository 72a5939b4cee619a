"""The installed command as a running process: started, waited for, asked, told to end; and ports to give to it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

COMMAND: Final = str(Path(sys.executable).with_name("wicketgate"))
PATIENCE: Final = 30.0
"""Seconds for what takes two: machines of CI are slow, and busy."""
STARTING: Final = 90.0
"""Seconds until a process that was started is ready: several may start at once there."""
_EACH: Final = 500
_FIRST: Final = 10_000 + _EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10)
_OFFSET: Final = os.getpid() * 37 % _EACH  # runs beside each other begin at different places of the range
_PORTS: Final[cycle[int]] = cycle([*range(_FIRST + _OFFSET, _FIRST + _EACH), *range(_FIRST, _FIRST + _OFFSET)])


def free_port(host: str = "127.0.0.1") -> int:
    """A port of loopback that nobody listens on, and that nobody else will take before it is used.

    Systems give ports above these to whoever connects (Linux from 32768, some sandboxes from 16000), and every worker
    of a test run has a range of its own.
    """
    for port in islice(_PORTS, _EACH):
        with suppress(OSError), socket.create_server((host, port)):
            return port
    raise LookupError("no port is free")


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until the condition holds; fail, with `what` did not happen, if it does not in so many seconds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)


def rest_of(waiting: Callable[[], int]) -> None:
    """Let what waits be done, for two seconds at most: where it cannot be done, the test is about that."""
    give_up = time.monotonic() + 2.0
    while waiting() and time.monotonic() < give_up:
        time.sleep(0.01)


@dataclass(slots=True)
class Running:
    """A gateway that runs, and what it has said so far."""

    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def wait_for(self, text: str | re.Pattern[str], stream: list[str], seconds: float = PATIENCE) -> str:
        """The first line of `out` or `err` that contains `text`, as soon as there is one."""
        wanted = re.compile(re.escape(text)) if isinstance(text, str) else text
        ended = f"`{text}` never came"
        until(lambda: any(map(wanted.search, stream)) or self.process.poll() is not None, ended, seconds)
        found = [line for line in stream if wanted.search(line)]
        assert found, f"`{text}` never came: {''.join(self.err)}"
        return found[0]

    def tell(self, what: signal.Signals) -> None:
        """Send a signal to this process alone."""
        os.kill(self.process.pid, what)

    def end(self) -> int:
        """Tell it to end and return its exit code."""
        if self.process.poll() is None:
            self.tell(signal.SIGTERM)
        return self.process.wait(PATIENCE)


READY: Final = re.compile('(wicketgate: |"sentence": ")ready: ')
"""How a gateway says so, to people or to programs."""


@contextmanager
def running(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None, command: Sequence[str] = ()
) -> Iterator[Running]:
    """Run `wicketgate ARGUMENTS` within this block, from the moment at which it is ready.

    `environment` adds variables; `command` is what runs the command given to it as its last arguments.
    """
    with subprocess.Popen(
        [*command, COMMAND, *arguments],
        cwd=cwd,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    ) as process:  # fmt: skip - one argument a line would say no more
        gateway = Running(process)
        readers = [_reading(process.stdout, gateway.out), _reading(process.stderr, gateway.err)]
        try:
            gateway.wait_for(READY, gateway.err, STARTING)
            yield gateway
        finally:
            gateway.end()
            for reader in readers:
                reader.join(PATIENCE)


def _reading(stream: IO[str] | None, lines: list[str]) -> threading.Thread:
    assert stream is not None

    def read() -> None:
        for line in stream:
            lines.append(line)  # noqa: PERF402 - each line is there for others as soon as it came

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return reader
