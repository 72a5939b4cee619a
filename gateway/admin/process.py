"""The admin process as its parent sees it: started when the gateway is ready, again when it dies, ended with it.

It inherits a socket that was bound before, so that whatever is in the way is known at the start, and so that nobody is
turned away while it is started again. Its standard input is a leash: when that closes it ends, however its parent ends.
Nothing here waits for it while requests are served.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from gateway.admin.brief import Brief

MOST_DEATHS: Final = 5
"""So many ends within WITHIN seconds, and it is not started again."""
WITHIN: Final = 60.0
PAUSE: Final = 0.5
"""Seconds before it is started again for the first time; twice as many each time after that."""
_LONGEST_PAUSE: Final = 8.0
_STOP_WITHIN: Final = 3.0


@dataclass(slots=True)
class Keeper:
    """Keeps one admin process alive. `said` hears what the operator should know."""

    brief: Brief
    listening: socket.socket
    said: Callable[[str], None]
    _over: Event = field(default_factory=Event)
    _child: subprocess.Popen[bytes] | None = None
    _thread: Thread | None = None
    _turn: Lock = field(default_factory=Lock)

    @property
    def process(self) -> int | None:
        """The number of the process that was started last."""
        with self._turn:
            return None if self._child is None else self._child.pid

    def start(self, pause: float = PAUSE) -> None:
        """Start it, and go on at once; `pause` is how long the first wait is before it is started again."""
        self._thread = Thread(target=self._keep, args=(pause,), name="admin-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for that a little."""
        self._over.set()
        with self._turn:
            child = self._child
        if child is not None:
            _let_go(child)
        if self._thread is not None:
            self._thread.join(_STOP_WITHIN)
        self.listening.close()

    def _keep(self, pause: float) -> None:
        deaths: list[float] = []
        while (child := self._started()) is not None:
            code = child.wait()
            if child.stdin is not None:
                child.stdin.close()
            if self._over.is_set():
                return
            now = time.monotonic()
            deaths = [each for each in deaths if now - each < WITHIN] + [now]
            if len(deaths) >= MOST_DEATHS:
                self.said(
                    f"the admin side ended {len(deaths)} times within {WITHIN:.0f} s and stays down until the next "
                    "start; requests are served all the same"
                )
                return
            self.said(f"the admin side ended with code {code}, it is started again")
            self._over.wait(min(pause * 2 ** (len(deaths) - 1), _LONGEST_PAUSE))

    def _started(self) -> subprocess.Popen[bytes] | None:
        """A new process; None if it is over."""
        with self._turn:
            if self._over.is_set():
                return None
            # -P: nothing in the current folder is taken for a module. An own session: Ctrl-C is not for it.
            self._child = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", "gateway.admin", str(self.brief)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(self.brief.socket,),
                start_new_session=True,
            )
            return self._child


def _let_go(child: subprocess.Popen[bytes]) -> None:
    """Let go of the leash, and end what does not follow."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
