"""Real stores for the tests: a redis-server of its own, on a free port of loopback, that ends with the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 15.0


@dataclass
class StoreServer:
    """A store; `options` are those of redis-server. It can be killed, stopped, and started again."""

    port: int
    folder: Path
    options: tuple[str, ...] = ()
    tls: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'rediss' if self.tls else 'redis'}://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        ports = ("--port", "0", "--tls-port") if self.tls else ("--port",)
        self.process = subprocess.Popen(
            [
                *("redis-server", *ports, str(self.port), "--bind", "127.0.0.1", "--save", ""),
                *("--dir", str(self.folder), "--daemonize", "no", *self.options),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = monotonic() + PATIENCE
        while monotonic() < until:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            sleep(0.01)
        raise TimeoutError("the store does not listen")

    def kill(self) -> None:
        """End it at once, with all that it knows."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Let it answer nothing, until it goes on."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, which)

    def tell(self, *words: str) -> str:
        """What redis-cli says of a command."""
        told = ("redis-cli", "-p", str(self.port), *words)
        return subprocess.run(told, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE).stdout


@contextmanager
def store_server(folder: Path, *options: str, tls: bool = False) -> Iterator[StoreServer]:
    """A store that runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = StoreServer(port, folder, options, tls)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None:
            server.go_on()
        server.kill()
