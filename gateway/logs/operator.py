"""The one way to the operator: the sentences of the gateway, and what its parts and the libraries log.

Within `operator_log`, everything that goes through `logging`, warnings of Python, and exceptions that end a thread come
out as lines of one form. A library is heard from `warning` on, whatever is asked for: at `debug`, some write down what
clients send.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, override

from gateway.logs.lines import SPEAKER, Line
from gateway.logs.repeats import Repeats
from gateway.logs.stream import Stream
from gateway.logs.wording import OURS, key_of, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.config.settings import LogSettings

ENGINE: Final = "mitmproxy.connection"
"""Under this name the engine says what happens on its connections; it is heard as our own parts are."""
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Speaking:
    """Says sentences of the gateway, at every level: they are few, and meant for the operator."""

    tell: Callable[[Line], None]
    clock: Callable[[], float] = time.time

    def __call__(self, sentence: str) -> None:
        """Say one."""
        self.tell(Line(time=self.clock(), level="info", part=SPEAKER, sentence=sentence))


class _Handler(logging.Handler):
    """What `logging` calls; it never raises and never waits."""

    def __init__(self, tell: Callable[[Line], None], repeats: Repeats) -> None:
        super().__init__()
        self._tell: Final = tell
        self._repeats: Final = repeats

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            held, line = self._repeats.admit(key_of(record)), line_of(record)
        except Exception:  # noqa: BLE001 - a message that cannot be made must not end whoever logs it
            held = self._repeats.admit((record.name, ""))
            line = Line(time=record.created, level="error", part=record.name, sentence="a message cannot be shown")
        if held is not None:
            self._tell(replace(line, repeated=held))


@contextmanager
def operator_log(settings: LogSettings, descriptor: int) -> Iterator[Speaking]:
    """Let everything come out at `descriptor` within this block; gives what says sentences of the gateway."""
    stream = Stream(descriptor)

    def tell(line: Line) -> None:
        stream.put(line.written(settings.format))

    try:
        with _routed(_Handler(tell, Repeats(time.monotonic)), settings.level.upper()):
            yield Speaking(tell)
    finally:
        stream.close()


@contextmanager
def _routed(handler: logging.Handler, level: str) -> Iterator[None]:
    """Hand all that is logged to this handler alone, and put back what was there before."""
    root, ours = logging.getLogger(), [logging.getLogger(name) for name in (*OURS, ENGINE)]
    before = root.handlers[:], root.level, [each.level for each in ours]
    hooks = threading.excepthook, sys.unraisablehook
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for each in ours:
        each.setLevel(level)
    logging.captureWarnings(capture=True)
    threading.excepthook, sys.unraisablehook = _thread_failed, _never_raised
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        logging.captureWarnings(capture=False)
        root.handlers[:], levels = before[0], before[2]
        root.setLevel(before[1])
        for each, was in zip(ours, levels, strict=True):
            each.setLevel(was)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        _log.error("a thread of the gateway failed", exc_info=failed.exc_value)


def _never_raised(failed: sys.UnraisableHookArgs) -> None:
    if failed.exc_value is not None:
        _log.error("something failed where nobody could be told", exc_info=failed.exc_value)
