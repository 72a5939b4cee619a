"""What was accepted and is not yet safe on the disk: bounded in records and in bytes, numbered without a gap.

A sequence number is given out at the moment of acceptance, under the lock, so the order of numbers is the order of
lines. Full or out of order, the backlog refuses and counts what it refused: nothing is ever dropped in silence.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING

from gateway.audit.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future


@dataclass(slots=True)
class Batch:
    """Lines in their order; `waiting` are told when all of them are on the disk; `since` as `time.monotonic`."""

    lines: list[bytes] = field(default_factory=list)
    waiting: list[tuple[Future[int], int]] = field(default_factory=list)
    since: float = 0.0

    def extend(self, more: Batch) -> None:
        """Take the lines of a later batch behind one's own."""
        if not self.lines:
            self.since = more.since
        self.lines += more.lines
        self.waiting += more.waiting


@dataclass(frozen=True, slots=True)
class Refused:
    """How many records were refused, and since when (seconds since the epoch)."""

    count: int
    since: float


class Backlog:
    """The queue between those who append and the one thread that writes. Safe for threads."""

    def __init__(self, next_seq: int, most_records: int, most_bytes: int) -> None:
        self._changed = Condition()
        self._batch = Batch()
        self._records = 0
        self._bytes = 0
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._urgent = False
        self._closing = False
        self._trouble: str | None = None
        self._refused = 0
        self._refused_since = 0.0
        self.next_seq = next_seq

    @property
    def trouble(self) -> str | None:
        """Why nothing is accepted at the moment, or None."""
        return self._trouble

    @property
    def closing(self) -> bool:
        """Whether nothing will be accepted any more."""
        return self._closing

    @property
    def records(self) -> int:
        """How many records are accepted and not yet on the disk."""
        return self._records

    def put(self, body: bytes, done: Future[int] | None = None) -> int:
        """Accept the text of a record (without its opening brace), return its number. Raises AuditUnavailable."""
        with self._changed:
            why = self._trouble or self._no_room(len(body))
            if why is not None:
                self._count_refusal()
                raise AuditUnavailable(why)
            return self._accept(body, done)

    def put_own(self, body: bytes) -> None:
        """Accept a record about the log itself, whatever the bounds."""
        with self._changed:
            self._accept(body, None)

    def take(self, patience: float | None, gather: float) -> Batch:
        """Wait up to `patience` seconds for a first line, then `gather` seconds for more; hand over all there is."""
        with self._changed:
            if self._changed.wait_for(lambda: self._batch.lines or self._urgent, patience):
                self._changed.wait_for(lambda: self._urgent, gather)
            taken, self._batch = self._batch, Batch()
            self._urgent = self._closing
            return taken

    def settle(self, lines: Sequence[bytes]) -> None:
        """These lines are on the disk: their room is free."""
        with self._changed:
            self._records -= len(lines)
            self._bytes -= sum(map(len, lines))

    def refuse_all(self, why: str) -> None:
        """Accept nothing until `accept_again`."""
        with self._changed:
            self._trouble = why

    def accept_again(self) -> None:
        """The disk takes records again. What was closed stays closed."""
        with self._changed:
            if not self._closing:
                self._trouble = None

    def close(self, why: str) -> None:
        """Accept nothing any more, and wake the writer to finish."""
        with self._changed:
            self._closing = self._urgent = True
            self._trouble = why
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def take_refused(self) -> Refused | None:
        """What was refused since this was last told, once there is room again; else None."""
        with self._changed:
            if not self._refused or 2 * self._records > self._most_records or 2 * self._bytes > self._most_bytes:
                return None
            refused, self._refused = Refused(self._refused, self._refused_since), 0
            return refused

    def _no_room(self, size: int) -> str | None:
        if self._records >= self._most_records:
            return f"the audit queue is full: {self._records} records wait for the disk"
        if self._bytes + size > self._most_bytes:
            return f"the audit queue is full: {self._bytes} bytes wait for the disk"
        return None

    def _count_refusal(self) -> None:
        if not self._refused:
            self._refused_since = time.time()
        self._refused += 1

    def _accept(self, body: bytes, done: Future[int] | None) -> int:
        seq = self.next_seq
        self.next_seq = seq + 1
        line = b'{"v":1,"seq":%d,%b\n' % (seq, body)
        self._records += 1
        self._bytes += len(line)
        batch = self._batch
        if done is not None:
            batch.waiting.append((done, seq))
            self._urgent = True
        if not batch.lines:
            batch.since = time.monotonic()
            self._changed.notify()
        elif done is not None:
            self._changed.notify()
        batch.lines.append(line)
        return seq
