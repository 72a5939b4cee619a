"""Anchors: places outside of the log that keep its checkpoints, so that a log that is cut back contradicts them.

An anchor gets the newest checkpoint at most once a minute, and whenever the log is closed. What it gets is one line of
JSON, `{"time": ..., "checkpoint": ...}`, the checkpoint being a signed note; a checkpoint says more than all before it,
so only the newest one waits for an anchor that fails. Each has a thread of its own: none can hold up a request, the
log, or another anchor. Here is the anchor that is a file, on another disk or a mounted share; those that are reached
over the network are in `gateway.audit.export.anchors`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass, replace
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.proof.records import anchor_record
from gateway.audit.proof.standings import Standing
from gateway.audit.records.times import timestamp
from gateway.audit.writing.errors import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.proof.standings import Standings
    from gateway.audit.records.record import Record

_log: Final = logging.getLogger(__name__)
_PRIVATE_FILE: Final = 0o600


class NotKept(Exception):  # noqa: N818 - it says what happened
    """An anchor did not take a checkpoint, in words for people."""


class Anchor(Protocol):
    """A place that keeps checkpoints. `name` is how people know it: `file /mnt/other/anchor.jsonl`."""

    @property
    def name(self) -> str:
        """What it is, in the operator's log."""

    def keep(self, line: str) -> None:
        """Keep a line, for good when this returns. May take its time. Raises NotKept, OSError."""


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


def size_in(checkpoint: str) -> int:
    """How many records a checkpoint covers; 0 for what is none."""
    size = checkpoint.split("\n", 2)[1:2]
    return int(size[0]) if size and size[0].isascii() and size[0].isdigit() else 0


class Keeper:
    """Brings checkpoints to one anchor: the newest, not more often than every `interval` seconds, until it is kept.

    `told` hears a record when the anchor begins to fail and when it is over; how it stood before is in `standings`, and
    how it stands goes there, with whether the log says that it is over: `was_told` hears when it does, and what an end
    came in between of is told at the next start. Tries are `retry` seconds apart at first, and never more than
    `interval`. `patience` is how long the end of the gateway waits for the last one.
    """

    def __init__(  # noqa: PLR0913 - the seams of a thing that touches clock, disk and network
        self,
        anchor: Anchor,
        clock: Callable[[], float],
        standings: Standings,
        told: Callable[[Record], object],
        *,
        interval: float = 60.0,
        retry: float = 1.0,
        patience: float = 5.0,
    ) -> None:
        self._anchor, self._clock, self._standings, self._told = anchor, clock, standings, told
        self._interval, self._retry, self._patience = interval, retry, patience
        self._changed = Condition()
        self._newest: str | None = None
        self._closing = False
        self._patient_until = 0.0
        self._tries = 0
        self._standing = standings.of(anchor.name)
        self._writing = Lock()
        if self._standing.untold is not None:
            told(anchor_record(self._standing, "mended", since=self._standing.untold, now=clock()))
        self._thread = Thread(target=self._run, name="audit-anchor", daemon=True)
        self._thread.start()

    @property
    def standing(self) -> Standing:
        """What the anchor has, and since when it fails."""
        return self._standing

    def offer(self, checkpoint: str) -> None:
        """There is a new checkpoint."""
        with self._changed:
            self._newest = checkpoint
            self._changed.notify()

    def hurry(self) -> None:
        """The last checkpoint was offered: it is brought at once, and then no more."""
        with self._changed:
            if not self._closing:
                self._patient_until = time.monotonic() + self._patience
            self._closing = True
            self._changed.notify()

    def close(self) -> None:
        """Keep the last one, if that is possible in time."""
        self.hurry()
        self._thread.join(max(0.0, self._patient_until - time.monotonic()))
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
            due = time.monotonic() + self._pause()
            if closing:
                return

    def _pause(self) -> float:
        """Seconds until the next checkpoint, or the next try."""
        if not self._tries:
            return self._interval
        return min(self._interval, self._retry * float(2 ** min(self._tries - 1, 10)))

    def _kept(self, checkpoint: str) -> bool:
        now = self._clock()
        try:
            self._anchor.keep(anchor_line(checkpoint, now))
        except NotKept as error:
            self._fails(str(error))
            return False
        except OSError as error:
            self._fails(words(error))
            return False
        except Exception as error:  # noqa: BLE001 - one anchor's fault is not another's, and is told
            self._fails(f"it failed by itself: {type(error).__name__}")
            return False
        was_failing, self._tries = self._standing, 0
        standing = Standing(name=self._anchor.name, size=size_in(checkpoint), kept=timestamp(now))
        self._stand(lambda before: replace(standing, untold=before.since or before.untold))
        if was_failing.is_failing:
            _log.warning("audit: %s: checkpoints are kept again", self._anchor.name)
            self._told(anchor_record(self._standing, "mended", since=was_failing.since, now=now))
        return True

    def was_told(self) -> None:
        """That the anchor takes checkpoints again is on record."""
        self._stand(lambda before: replace(before, untold=None))

    def _fails(self, why: str) -> None:
        self._tries += 1
        now = self._clock()
        if self._tries == 1:
            _log.warning("audit: %s: a checkpoint was not kept, it is tried again: %s", self._anchor.name, why)
        since = self._standing.since or timestamp(now)
        is_news = self._tries == 1
        if is_news or why != self._standing.why:
            self._stand(lambda before: replace(before, since=since, why=why))
        if is_news:
            self._told(anchor_record(self._standing, "failed", since=since, now=now))

    def _stand(self, change: Callable[[Standing], Standing]) -> None:
        with self._writing:
            self._standing = change(self._standing)
            try:
                self._standings.put(self._standing)
            except OSError as error:
                _log.warning("audit: how anchors stand cannot be written down: %s", words(error))
