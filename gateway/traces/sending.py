"""Spans on their way to a collector: a bounded queue, a thread, and nobody who waits for either.

What does not fit is dropped and counted. A collector that is away is told of once, and once more when it is back; a
batch that it does not take is sent again after a pause, until it does or the gateway ends.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from itertools import islice
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.traces.spans import Span

MOST: Final = 4096
"""Spans that may wait."""
BATCH: Final = 512
"""Spans in one request."""
EVERY: Final = 1.0
"""Seconds after which whatever waits is sent."""
PATIENCE: Final = 5.0
"""Seconds that the rest gets at the end."""
_PAUSES: Final = (1.0, 30.0)
_log: Final = logging.getLogger(__name__)


class Collector(Protocol):
    """Takes spans. One thread uses it."""

    def deliver(self, spans: Sequence[Span]) -> int:
        """Return, when they were taken, how many were thrown away. Raises NotTaken, Hopeless."""

    def close(self) -> None:
        """Let go of whatever is open."""


@dataclass(slots=True)
class Tally:
    """What became of spans: `dropped` did not fit into the queue or were left at the end, `refused` nobody took."""

    sent: int = 0
    dropped: int = 0
    refused: int = 0


class Sender:
    """Sends spans to what `make` gives, which is called on the thread. Safe for threads."""

    def __init__(self, make: Callable[[], Collector], *, most: int = MOST, every: float = EVERY) -> None:
        self._make: Final = make
        self._most: Final = most
        self._every: Final = every
        self._changed: Final = Condition()
        self._waiting: Final[deque[Span]] = deque()
        self._closing = False
        self._is_away = False
        self._thread: Thread | None = None
        self.tally: Final = Tally()

    def start(self) -> None:
        """Begin to send."""
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def put(self, spans: Iterable[Span]) -> None:
        """Send these some time soon, or drop what there is no room for."""
        with self._changed:
            for span in spans:
                if self._closing or len(self._waiting) >= self._most:
                    self.tally.dropped += 1
                else:
                    self._waiting.append(span)
            if len(self._waiting) >= BATCH:
                self._changed.notify()

    def close(self, patience: float = PATIENCE) -> None:
        """Let the rest be sent, as far as that takes so many seconds, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(patience)
        with self._changed:
            self.tally.dropped += len(self._waiting)
            self._waiting.clear()

    def _run(self) -> None:
        collector = self._make()
        try:
            while batch := self._next():
                self._deliver(collector, batch)
        finally:
            collector.close()

    def _next(self) -> list[Span]:
        """What is sent next, still in the queue; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait(self._every)
            if len(self._waiting) < BATCH and not self._closing:
                self._changed.wait(self._every)
            return list(islice(self._waiting, BATCH))

    def _deliver(self, collector: Collector, batch: list[Span]) -> None:
        pause, longest = _PAUSES
        size = len(batch)
        while size:
            try:
                refused = collector.deliver(batch[:size])
            except TooMuch as problem:
                if size == 1:
                    self._done(1, refused=1)
                    self._tell(problem)
                    return
                size //= 2
            except Hopeless as problem:
                self._done(size, refused=size)
                self._tell(problem)
                return
            except NotTaken as problem:
                self._tell(problem)
                if not self._rest(max(pause, problem.after)):
                    return
                pause = min(2 * pause, longest)
            except Exception:  # noqa: BLE001 - what is wrong with one batch is not wrong with the next
                self._done(size, refused=size)
                _log.exception("spans could not be sent")
                return
            else:
                self._done(size, refused=refused)
                if self._is_away:
                    self._is_away = False
                    _log.warning("traces: the collector takes spans again")
                return

    def _rest(self, seconds: float) -> bool:
        """Wait before the same is tried again; whether that makes sense: at the end it is tried once."""
        with self._changed:
            if self._closing:
                self.tally.dropped += len(self._waiting)
                self._waiting.clear()
                return False
            self._changed.wait_for(lambda: self._closing, seconds)
            return True

    def _done(self, size: int, *, refused: int) -> None:
        with self._changed:
            for _ in range(min(size, len(self._waiting))):
                self._waiting.popleft()
            self.tally.refused += refused
            self.tally.sent += size - refused

    def _tell(self, problem: Exception) -> None:
        """Once, until it is over."""
        if not self._is_away:
            self._is_away = True
            _log.warning("traces: %s; spans that do not fit into the queue are dropped until that is mended", problem)
