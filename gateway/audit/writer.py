"""The durable writer: one thread, group commit, and no second try in place.

`append` accepts a record into a bounded backlog and returns its number; the thread writes what has gathered and calls
`fdatasync` so that no record waits longer than `sync_interval`. After a failed write or sync the state of the pages
is unknown (Linux may mark them clean), so the segment is sealed, a new one is opened, everything not yet synced is
written again and a `gap` record says so. Until that has worked, every `append` is refused.

Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Final, Literal

from gateway.audit.backlog import Backlog, Batch
from gateway.audit.errors import AuditUnavailable, cannot_write, words
from gateway.audit.events import gap_record
from gateway.audit.ids import IdSource
from gateway.audit.recovery import recover
from gateway.audit.segments import lock_directory, open_segment, prepare_directory
from gateway.audit.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.record import Record
    from gateway.audit.segments import Opener

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False, allow_nan=False).encode
_NOT_OPEN: Final = "the audit log is not open"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterOptions:
    """How durable, and how much may wait.

    `sync`: whoever records waits for `fdatasync`; `batched`: for a place in the backlog. `sync_interval` and `gather`
    (how long to wait for company before writing) in seconds, `segment_size` and `most_bytes` in bytes; `retry` is the
    first and the longest pause between two attempts to write again, in seconds.
    """

    durability: Literal["sync", "batched"] = "batched"
    sync_interval: float = 0.1
    gather: float = 0.005
    segment_size: int = 256 * 1024 * 1024
    most_records: int = 50_000
    most_bytes: int = 64 * 1024 * 1024
    retry: tuple[float, float] = (0.05, 2.0)


class AuditWriter:
    """The log of one directory, open for appending. `append` may be called from any thread."""

    def __init__(
        self,
        directory: Path,
        options: WriterOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
        opener: Opener = open_segment,
    ) -> None:
        self._directory = directory
        self._options = options or WriterOptions()
        self._clock = clock
        self._tail = Tail(directory, IdSource(clock, entropy), opener, self._options.segment_size)
        self._backlog: Backlog | None = None
        self._unsynced = Batch()
        self._lock: int | None = None
        self._thread = Thread(target=self._run, name="audit-writer", daemon=True)

    def start(self) -> None:
        """Open the log behind its last whole record. Raises AuditUnavailable."""
        prepare_directory(self._directory)
        self._lock = lock_directory(self._directory)
        try:
            self._backlog = self._continued()
        except OSError as error:
            os.close(self._lock)
            self._lock = None
            raise AuditUnavailable(cannot_write(self._directory, error)) from None
        self._thread.start()

    def append(self, record: Record) -> int:
        """Accept a record, redacted and complete; return its sequence number. Raises AuditUnavailable."""
        return self._open_backlog().put(_body(record))

    def append_durable(self, record: Record) -> Future[int]:
        """Accept a record; the future holds its number once it is on the disk, else AuditUnavailable."""
        done: Future[int] = Future()
        self._open_backlog().put(_body(record), done)
        return done

    async def record(self, record: Record) -> int:
        """Accept a record as `durability` asks for: `sync` waits for the disk. Raises AuditUnavailable."""
        if self._options.durability == "batched":
            return self.append(record)
        return await asyncio.wrap_future(self.append_durable(record))

    @property
    def healthy(self) -> bool:
        """Whether records are accepted."""
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        """Why no record is accepted, or None."""
        return _NOT_OPEN if self._backlog is None else self._backlog.trouble

    @property
    def waiting(self) -> int:
        """How many records are accepted and not yet on the disk."""
        return 0 if self._backlog is None else self._backlog.records

    def close(self) -> None:
        """Write what was accepted and end. Raises AuditUnavailable if some of it could not be written."""
        if self._lock is None:
            return
        backlog = self._open_backlog()
        backlog.close("the audit log is closed")
        self._thread.join()
        self._tail.close()
        os.close(self._lock)
        self._lock = None
        if backlog.records:
            raise AuditUnavailable(f"audit: {backlog.records} accepted records could not be written")

    def _open_backlog(self) -> Backlog:
        if self._backlog is None:
            raise AuditUnavailable(_NOT_OPEN)
        return self._backlog

    def _continued(self) -> Backlog:
        end = recover(self._directory)
        self._tail.open(end.segment)
        backlog = Backlog(end.seq + 1, self._options.most_records, self._options.most_bytes)
        if end.cut:
            detail = f"{end.cut} bytes of a torn last line were cut"
            backlog.put_own(_body(gap_record(reason="torn-line", detail=detail, cut=end.cut, now=self._clock())))
        return backlog

    def _run(self) -> None:
        backlog = self._open_backlog()
        try:
            while self._turn(backlog):
                pass
        except BaseException:
            why = "the audit writer failed"
            backlog.close(why)
            self._disappoint(why)
            raise

    def _turn(self, backlog: Backlog) -> bool:
        """Take what has gathered, write it, sync if it is time; False when there is no more to do."""
        closing = backlog.closing
        taken = backlog.take(self._patience(), self._options.gather)
        self._unsynced.extend(taken)
        try:
            self._write(backlog, taken, at_once=closing)
        except OSError as error:
            return self._mend(backlog, error)
        self._tell_of_refusals(backlog)
        return not (closing and backlog.records == 0)

    def _write(self, backlog: Backlog, taken: Batch, *, at_once: bool) -> None:
        if taken.lines:
            self._tail.write(taken.lines)
        if self._unsynced.lines and (at_once or self._unsynced.waiting or self._patience() == 0.0):
            self._tail.sync()
            self._settle(backlog)
            self._tail.rotate()

    def _patience(self) -> float | None:
        """Seconds until the next sync is due: after half the promised interval, the other half is the disk's."""
        if not self._unsynced.lines:
            return None
        return max(0.0, self._unsynced.since + self._options.sync_interval / 2 - time.monotonic())

    def _settle(self, backlog: Backlog) -> None:
        safe, self._unsynced = self._unsynced, Batch()
        backlog.settle(safe.lines)
        for done, seq in safe.waiting:
            if done.set_running_or_notify_cancel():
                done.set_result(seq)

    def _disappoint(self, why: str) -> None:
        """Tell those who wait for the disk that it does not take their records."""
        for done, _ in self._unsynced.waiting:
            if done.set_running_or_notify_cancel():
                done.set_exception(AuditUnavailable(why))
        self._unsynced.waiting.clear()

    def _mend(self, backlog: Backlog, error: OSError) -> bool:
        """Refuse until everything unsynced is in new segments; False if the log is closed before that."""
        since, rewritten = self._clock(), len(self._unsynced.lines)
        self._refuse(backlog, error)
        if not self._write_again(backlog):
            return False
        refused = backlog.take_refused()
        record = gap_record(
            reason="write-failed",
            detail=words(error),
            since=since,
            rewritten=rewritten,
            refused=0 if refused is None else refused.count,
            now=self._clock(),
        )
        backlog.put_own(_body(record))
        backlog.accept_again()
        return True

    def _write_again(self, backlog: Backlog) -> bool:
        """Write what is unsynced into a new segment; into several if the whole does not fit into one."""
        pause, longest = self._options.retry
        portion = len(self._unsynced.lines)
        while True:
            try:
                self._tail.renew(self._unsynced.lines[:portion])
            except OSError as error:
                self._refuse(backlog, error)
                if backlog.closing:
                    return False
                backlog.pause(pause)
                pause, portion = min(2 * pause, longest), max(1, portion // 2)
            else:
                rest = self._unsynced.lines[portion:]
                del self._unsynced.lines[portion:]
                self._settle(backlog)
                self._unsynced.lines = rest
                if not rest:
                    return True

    def _refuse(self, backlog: Backlog, error: OSError) -> None:
        why = f"the audit log cannot be written: {words(error)}"
        backlog.refuse_all(why)
        self._disappoint(why)

    def _tell_of_refusals(self, backlog: Backlog) -> None:
        refused = backlog.take_refused() if backlog.trouble is None else None
        if refused is not None:
            detail, now = "more records came than the disk could take", self._clock()
            record = gap_record(reason="queue-full", detail=detail, since=refused.since, refused=refused.count, now=now)
            backlog.put_own(_body(record))


def _body(record: Record) -> bytes:
    """The record as compact JSON in ASCII, without the opening brace: the backlog puts `v` and `seq` in front."""
    return _encode(record)[1:].encode("ascii")
