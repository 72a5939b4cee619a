"""The thread that writes: it takes what has gathered, writes, syncs, rotates, and mends what fails.

After a failed write or sync the state of the pages is unknown (Linux may mark them clean), so nothing is tried twice
in place: the segment is sealed, a new one is opened, everything not yet synced is written again and a `gap` record
says so. Until that has worked nothing is accepted. On a full disk the reserve is given up for that, and nothing is
accepted before it could be taken back; only the log's own last records still find room.

Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import gap_record
from gateway.audit.writing.backlog import Batch, Missed
from gateway.audit.writing.encoding import body
from gateway.audit.writing.errors import AuditUnavailable, words
from gateway.audit.writing.reserve import means_full

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.writing.backlog import Backlog
    from gateway.audit.writing.reserve import Reserve
    from gateway.audit.writing.tail import Tail
    from gateway.audit.writing.witness import Witness

_log: Final = logging.getLogger(__name__)
_NOTHING_MISSED: Final = Missed(0, 0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When things are done, in seconds.

    `interval` is the longest that a record waits for its sync, `gather` how long the first one waits for company,
    `retry` the first and the longest pause between two attempts to write again.
    """

    interval: float
    gather: float
    retry: tuple[float, float]


@dataclass(slots=True)
class Scribe:
    """Moves lines from the backlog to the disk. `sealed` hears which segment is active once all before it is safe."""

    backlog: Backlog
    tail: Tail
    reserve: Reserve
    witness: Witness
    pace: Pace
    clock: Callable[[], float]
    sealed: Callable[[Path], None]
    _unsynced: Batch = field(default_factory=Batch)
    _full_since: float | None = None
    synced_at: float = 0.0

    def run(self) -> None:
        """Write until the backlog is closed. Whatever goes wrong, nothing is accepted afterwards."""
        try:
            while self._turn():
                pass
        except BaseException:
            why = "the audit writer failed"
            self.backlog.close(why)
            self._disappoint(why)
            raise
        finally:
            self.tail.close()
            self.witness.closed()
            if untold := self.backlog.take_untold():
                _log.error("audit: %s, and the log ended before that could be written into it", untold)

    def _turn(self) -> bool:
        """Take what has gathered, write it, sync if it is time; False when there is no more to do."""
        closing = self.backlog.closing
        taken = self.backlog.take(self._patience(), self.pace.gather)
        self._unsynced.extend(taken)
        if taken.lines:
            self.witness.appended(taken.lines)
        try:
            self._write(taken, at_once=closing)
        except OSError as error:
            return self._mend(error)
        self._take_room()
        self._tell_of_missed()
        return not (closing and self.backlog.records == 0)

    def _write(self, taken: Batch, *, at_once: bool) -> None:
        if taken.lines:
            self.tail.write(taken.lines)
        hurry = at_once or self.backlog.crowded or self._due() <= self.pace.gather  # the next turn would be too late
        if self._unsynced.waiting or (self._unsynced.lines and hurry):
            self.tail.sync()
            self.synced_at = self.clock()
            self._settle(self._unsynced)
            self._unsynced = Batch()
            self.witness.synced()
            self._follow()
        if not self._unsynced.lines and self.tail.due() == 0.0:
            self._rotated(self.tail.rotate())

    def _patience(self) -> float | None:
        """Seconds until something has to be done without a new record."""
        due = min(self._due(), self.tail.due(), self.pace.retry[1] if self._full_since is not None else float("inf"))
        return None if due == float("inf") else due

    def _due(self) -> float:
        """Seconds until the next sync: after half the promised interval, the other half is the disk's."""
        if not self._unsynced.lines:
            return float("inf")
        return max(0.0, self._unsynced.since + self.pace.interval / 2 - time.monotonic())

    def _settle(self, safe: Batch) -> None:
        self.backlog.settle(safe.lines)
        for done, seq in safe.waiting:
            if done.set_running_or_notify_cancel():
                done.set_result(seq)

    def _follow(self) -> None:
        if self.tail.path is not None:
            self.sealed(self.tail.path)

    def _rotated(self, closed: Path | None) -> None:
        if closed is not None:
            self.witness.rotated(closed)
            self._follow()

    def _disappoint(self, why: str) -> None:
        """Tell those who wait for the disk that it does not take their records."""
        for done, _ in self._unsynced.waiting:
            if done.set_running_or_notify_cancel():
                done.set_exception(AuditUnavailable(why))
        self._unsynced.waiting.clear()

    def _mend(self, error: OSError) -> bool:
        """Refuse until everything unsynced is in new segments; False if the log is closed before that."""
        since, rewritten = self.clock(), len(self._unsynced.lines)
        self._refuse(error)
        if not self._write_again(error):
            return False
        self._tell(words(error), since, rewritten, self.backlog.take_missed())
        if self._full_since is None:
            self._accept_again()
        return True

    def _write_again(self, error: OSError) -> bool:
        """Write what is unsynced into a new segment; into several if the whole does not fit into one."""
        pause, longest = self.pace.retry
        portion = len(self._unsynced.lines)
        while True:
            if means_full(error) and self.reserve.give():
                self._full_since = self.clock()
            last_chance = self.backlog.closing
            try:
                sealed = self.tail.renew(self._unsynced.lines[:portion])
            except OSError as again:
                error = again
                self._refuse(error)
                if last_chance:
                    return False
                self.backlog.pause(pause)
                pause, portion = min(2 * pause, longest), max(1, portion // 2)
            else:
                self._settle(Batch(self._unsynced.lines[:portion]))
                del self._unsynced.lines[:portion]
                if sealed is not None:
                    self.witness.rotated(sealed)
                if not self._unsynced.lines:
                    self.witness.synced()
                    self._follow()
                    return True

    def _refuse(self, error: OSError) -> None:
        why = f"the audit log cannot be written: {words(error)}"
        if self.backlog.trouble is None:
            _log.error("%s", why)
        self.backlog.refuse_all(why)
        self._disappoint(why)

    def _take_room(self) -> None:
        """After a full disk: accept again as soon as the reserve is back."""
        if self._full_since is None:
            return
        try:
            self.reserve.take()
        except OSError:
            return
        since, self._full_since = self._full_since, None
        self._tell("there is room on the disk again", since, 0, self.backlog.take_missed())
        self._accept_again()

    def _accept_again(self) -> None:
        self.backlog.accept_again()
        _log.warning("the audit log is written again")

    def _tell_of_missed(self) -> None:
        missed = self.backlog.take_missed() if self.backlog.trouble is None else None
        if missed is not None:
            detail, now = "more records came than the disk could take", self.clock()
            counts = {"refused": missed.refused, "unrecorded": missed.unrecorded}
            record = gap_record(
                reason="queue-full", detail=detail, since=missed.since, now=now, left_out=missed.kinds, **counts
            )
            self.backlog.gaps += 1
            self.backlog.put_own(body(record))

    def _tell(self, detail: str, since: float, rewritten: int, missed: Missed | None) -> None:
        missed = missed or _NOTHING_MISSED
        record = gap_record(
            reason="write-failed",
            detail=detail,
            since=since,
            rewritten=rewritten,
            refused=missed.refused,
            unrecorded=missed.unrecorded,
            left_out=missed.kinds,
            now=self.clock(),
        )
        self.backlog.gaps += 1
        self.backlog.put_own(body(record))
