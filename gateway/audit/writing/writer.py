"""The durable writer of the log of one directory: one thread, group commit, and a word on what happens if it fails.

`append` accepts a record into a bounded backlog and returns its number; the thread (`gateway.audit.writing.scribe`)
writes what has gathered and calls `fdatasync` so that no record waits longer than was promised.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import gap_record
from gateway.audit.records.ids import IdSource
from gateway.audit.writing.backlog import Backlog, OnFailure
from gateway.audit.writing.encoding import body
from gateway.audit.writing.errors import AuditUnavailable, cannot_write
from gateway.audit.writing.intake import Durability, Figures, Intake
from gateway.audit.writing.keeper import Keeper
from gateway.audit.writing.recovery import damage_record, recover
from gateway.audit.writing.reserve import Reserve
from gateway.audit.writing.scribe import Pace, Scribe
from gateway.audit.writing.segments import Lock, open_segment, prepare_directory
from gateway.audit.writing.tail import Tail
from gateway.audit.writing.witness import LogAtStart, Nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.audit.writing.drafts import Draft
    from gateway.audit.writing.segments import Opener
    from gateway.audit.writing.witness import Witness

_RELAXED: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterOptions:
    """How durable, how much may wait, and what becomes of closed segments.

    `sync`: whoever records waits for `fdatasync`; `batched`: for a place in the backlog, which is synced every
    `sync_interval`; `relaxed`: the same, synced every five seconds. `gather` is how long to wait for company before
    writing; `segment_age` when a segment is closed however small it is; `retry` the first and the longest pause
    between two attempts to write again; all in seconds. `segment_size`, `reserve` and `most_bytes` are in bytes.
    `retain` says for how many seconds records of a kind are kept; kinds that are not in it are kept for ever.
    """

    durability: Durability = "batched"
    on_failure: OnFailure = "closed"
    sync_interval: float = 0.1
    gather: float = 0.05
    segment_size: int = 256 * 1024 * 1024
    segment_age: float = 86_400.0
    reserve: int = 1024 * 1024
    compress: bool = True
    retain: Mapping[str, float] = field(default_factory=dict)
    most_records: int = 50_000
    most_bytes: int = 64 * 1024 * 1024
    retry: tuple[float, float] = (0.05, 2.0)


class AuditWriter:
    """The log of one directory, open for appending. `append` may be called from any thread."""

    def __init__(  # noqa: PLR0913 - the seams of a thing that touches clock, chance and disk
        self,
        directory: Path,
        options: WriterOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
        opener: Opener = open_segment,
        witness: Witness | None = None,
    ) -> None:
        self._directory: Final = directory
        self._options: Final = options or WriterOptions()
        self._clock: Final = clock
        self._witness: Final = witness or Nobody()
        self._lock: Final = Lock(directory)
        self._reserve: Final = Reserve(directory, self._options.reserve)
        self._tail: Final = Tail(
            *(directory, IdSource(clock, entropy), opener, self._options.segment_size, self._options.segment_age),
            keep_lock=self._lock.keep,
        )
        self._keeper: Final = Keeper(
            directory, compressing=self._options.compress, retain=self._options.retain, clock=clock, tell=self._tell
        )
        self._intake: Final = Intake(self._options.durability, self._options.on_failure)
        self._thread: Thread | None = None
        self._written: Scribe | None = None

    def start(self) -> None:
        """Open the log behind its last whole record. Raises AuditUnavailable."""
        prepare_directory(self._directory)
        self._lock.take()
        try:
            backlog = self._intake.backlog = self._continued()
        except BaseException as error:
            self._give_up()
            if isinstance(error, OSError):
                raise AuditUnavailable(cannot_write(self._directory, error)) from None
            raise
        scribe = self._written = self._scribe(backlog)
        self._thread = Thread(target=scribe.run, name="audit-writer", daemon=True)
        self._thread.start()
        self._keeper.start()

    def append(self, record: Record | Draft) -> int:
        """Accept a record, redacted and complete; return its sequence number, or UNRECORDED if it is left out.

        Raises AuditUnavailable.
        """
        backlog = self._intake.backlog
        if backlog is None or isinstance(record, dict):
            return self._intake.append(record)
        return backlog.put(record)  # as the intake does, without the price of a call: most records are drafts

    def append_durable(self, record: Record | Draft) -> Future[int]:
        """Accept a record; the future holds its number once it is on the disk, else AuditUnavailable."""
        return self._intake.append_durable(record)

    async def record(self, record: Record | Draft) -> int:
        """Accept a record as `durability` asks for: `sync` waits for the disk. Raises AuditUnavailable."""
        return await self._intake.record(record)

    def accept(self, bodies: Sequence[bytes], *, durable: bool) -> tuple[int, Future[int] | None]:
        """Accept records that another process has accepted before, as texts without the opening brace.

        Returns the number of the last one (they have no gap), and, if `durable`, what is done when all are on the disk.
        Raises AuditUnavailable if the log is closed.
        """
        done: Future[int] | None = Future() if durable else None
        return self._intake.opened().put_all(bodies, done), done

    @property
    def waits(self) -> bool:
        """Whether `record` waits for the disk."""
        return self._intake.waits

    @property
    def healthy(self) -> bool:
        """Whether records are accepted."""
        return self.trouble is None

    @property
    def trouble(self) -> str | None:
        """Why no record is accepted, or None."""
        return self._intake.trouble

    @property
    def waiting(self) -> int:
        """How many records are accepted and not yet on the disk."""
        return self._intake.waiting

    @property
    def figures(self) -> Figures:
        """How the log does, and what it had to leave out so far."""
        written = self._written
        return Figures(healthy=False) if written is None else self._intake.figures(synced_at=written.synced_at)

    @property
    def last(self) -> int:
        """The number of the newest record that was accepted."""
        return self._intake.opened().next_seq - 1

    @property
    def crowded(self) -> bool:
        """Whether half of the queue is taken."""
        return self._intake.opened().crowded

    def close(self) -> None:
        """Write what was accepted and end. Raises AuditUnavailable if some of it could not be written."""
        if self._thread is None:
            return
        self._keeper.close()
        backlog, thread = self._intake.opened(), self._thread
        backlog.close("the audit log is closed")
        thread.join()
        self._thread = None
        self._give_up()
        if backlog.records:
            raise AuditUnavailable(f"audit: {backlog.records} accepted records could not be written")

    def _give_up(self) -> None:
        self._tail.close()
        self._reserve.give()
        self._lock.give()

    def _continued(self) -> Backlog:
        options, end = self._options, recover(self._directory)
        self._reserve.take()
        self._tail.open(end.segment)
        backlog = Backlog(end.seq + 1, options.most_records, options.most_bytes, options.on_failure)

        def write(record: Record) -> None:
            backlog.put_own(body(record))

        words = self._witness.opened(LogAtStart(directory=self._directory, seq=end.seq, cut=end.cut, write=write))
        backlog.next_seq = max(end.seq, words.taken) + 1
        if end.damaged is not None:
            write(damage_record(end, end.damaged, words.taken, self._clock()))
        if end.cut:
            detail = f"{end.cut} bytes of a torn last line were cut"
            backlog.gaps += 1
            write(gap_record(reason="torn-line", detail=detail, cut=end.cut, now=self._clock()))
        for record in words.records:
            write(record)
        return backlog

    def _scribe(self, backlog: Backlog) -> Scribe:
        options = self._options
        interval = _RELAXED if options.durability == "relaxed" else options.sync_interval
        pace = Pace(interval=interval, gather=options.gather, retry=options.retry)
        return Scribe(
            *(backlog, self._tail, self._reserve, self._witness, pace, self._clock), sealed=self._keeper.closed_before
        )

    def _tell(self, record: Record) -> Future[int]:
        """Accept a record of the keeper, which waits for the disk: whatever `on_failure` says, it is not left out."""
        done: Future[int] = Future()
        self._intake.opened().put_own(body(record), done)
        return done
