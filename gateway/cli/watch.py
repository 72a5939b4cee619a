"""Decisions scrolling by: the audit log, followed from where it ends, one line on standard output per decision.

What is shown is what was written down, whichever engine or worker decided it.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, TextIO

from gateway.audit.reading.reader import follow, last_records, seq_of
from gateway.audit.records.lines import line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOK_EVERY: Final = 0.1
"""Seconds between two looks at the log: as quick as an eye, and next to no work."""


@contextmanager
def watching(log: Path, out: TextIO | None = None) -> Iterator[None]:
    """Print a line per decision while the block runs, and those that came last when it ends."""
    over = Event()
    last = last_records(log, 1) if log.is_dir() else []
    arguments = (log, seq_of(last[0]) if last else 0, over, sys.stdout if out is None else out)
    reader = Thread(target=_show, args=arguments, name="watch", daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join(_LOOK_EVERY * 20)


def _show(log: Path, after: int, over: Event, out: TextIO) -> None:
    def pause() -> bool:
        """Wait a moment; once it is over, let the reader look one last time."""
        if over.is_set():
            return False
        over.wait(_LOOK_EVERY)
        return True

    colour = out.isatty() and not os.environ.get("NO_COLOR")
    while not log.is_dir() and pause():
        pass
    for record in follow(log, after, pause) if log.is_dir() else ():
        if record.get("event") != "decision":
            continue
        try:
            print(line(record, colour=colour), file=out, flush=True)
        except (OSError, ValueError):
            return  # nobody reads any more; the gateway itself goes on
