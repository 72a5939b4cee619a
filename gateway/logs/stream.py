"""Lines on their way to a file descriptor that may be full, slow or closed: nobody ever waits for it.

A thread writes; what it cannot take in time is dropped and counted. A gateway whose standard error nobody reads any
more goes on as if it did.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from threading import Condition, Thread
from typing import Final

MOST: Final = 1000
"""Lines that may wait."""
PATIENCE: Final = 1.0
"""Seconds that the rest gets at the end."""


class Stream:
    """Writes to `descriptor`. Safe for threads."""

    def __init__(self, descriptor: int, most: int = MOST) -> None:
        self._descriptor: Final = descriptor
        self._most: Final = most
        self._changed: Final = Condition()
        self._lines: Final[deque[bytes]] = deque()
        self._dropped = 0
        self._closing = False
        self._thread: Final = Thread(target=self._run, name="operator-log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Write a line, some time soon, or drop it."""
        with self._changed:
            if self._closing or len(self._lines) >= self._most:
                self._dropped += 1
                return
            self._lines.append(line.encode("utf-8", "backslashreplace"))
            self._changed.notify()

    @property
    def dropped(self) -> int:
        """How many lines were never written."""
        return self._dropped

    def close(self, patience: float = PATIENCE) -> None:
        """Let what waits be written, as far as that takes so many seconds, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closing)
                if not self._lines:
                    return
                line = self._lines[0]
            self._write(line)
            with self._changed:
                self._lines.popleft()

    def _write(self, line: bytes) -> None:
        """All of a line, or what of it somebody takes; whoever is gone takes nothing."""
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                self._wait()
            except OSError:
                self._dropped += 1
                return

    def _wait(self) -> None:
        """Wait until a descriptor that does not block takes something again."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        if not poll.poll(1000):
            time.sleep(0)
