"""Anchors: places outside of the log that keep its checkpoints, so that a log that is cut back contradicts them.

An anchor gets the newest checkpoint at most once a minute, and whenever the log is closed. What it gets is one line of
JSON, `{"time": ..., "checkpoint": ...}`, the checkpoint being a signed note; a checkpoint says more than all before it,
so only the newest one waits for an anchor that fails. Each has a thread of its own: none can hold up a request, the
log, or another anchor. Here is the anchor that is a file, on another disk or a mounted share; others only need `keep`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.records.times import timestamp
from gateway.audit.writing.errors import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log: Final = logging.getLogger(__name__)
_PRIVATE_FILE: Final = 0o600


class Anchor(Protocol):
    """A place that keeps checkpoints. `name` is how people know it: `file /mnt/other/anchor.jsonl`."""

    @property
    def name(self) -> str:
        """What it is, in the operator's log."""

    def keep(self, line: str) -> None:
        """Keep a line, for good when this returns. May take its time. Raises OSError."""


@dataclass(frozen=True, slots=True)
class FileAnchor:
    """Appends to a file that lies elsewhere, best where the gateway can append and not change."""

    path: Path

    @property
    def name(self) -> str:
        """`file` and its path."""
        return f"file {self.path}"

    def keep(self, line: str) -> None:
        """Append the line and wait for the disk."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, _PRIVATE_FILE)
        try:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def anchor_line(checkpoint: str, now: float) -> str:
    """What an anchor keeps of a checkpoint."""
    return json.dumps({"time": timestamp(now), "checkpoint": checkpoint}, separators=(",", ":"))


class Keeper:
    """Brings checkpoints to one anchor: the newest, not more often than every `interval` seconds, until it is kept.

    `patience` is how long the end of the gateway waits for the last one.
    """

    def __init__(
        self, anchor: Anchor, clock: Callable[[], float], *, interval: float = 60.0, patience: float = 5.0
    ) -> None:
        self._anchor, self._clock = anchor, clock
        self._interval, self._patience = interval, patience
        self._changed = Condition()
        self._newest: str | None = None
        self._closing = False
        self._failing = False
        self._thread = Thread(target=self._run, name="audit-anchor", daemon=True)
        self._thread.start()

    def offer(self, checkpoint: str) -> None:
        """There is a new checkpoint."""
        with self._changed:
            self._newest = checkpoint
            self._changed.notify()

    def close(self) -> None:
        """Keep the last one, if that is possible in time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(self._patience)
        if self._newest is not None:
            _log.warning("audit: %s: the last checkpoint was not kept", self._anchor.name)

    def _run(self) -> None:
        due = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._closing)
                self._changed.wait_for(lambda: self._closing, max(0.0, due - time.monotonic()))
                offered = self._newest
                closing = self._closing
            if offered is not None and self._kept(offered):
                with self._changed:
                    self._newest = None if self._newest == offered else self._newest
            due = time.monotonic() + self._interval
            if closing:
                return

    def _kept(self, checkpoint: str) -> bool:
        try:
            self._anchor.keep(anchor_line(checkpoint, self._clock()))
        except OSError as error:
            if not self._failing:
                _log.warning(
                    "audit: %s: a checkpoint was not kept, it is tried again: %s", self._anchor.name, words(error)
                )
            self._failing = True
            return False
        if self._failing:
            _log.warning("audit: %s: checkpoints are kept again", self._anchor.name)
        self._failing = False
        return True
