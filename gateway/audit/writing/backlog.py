"""What was accepted and is not yet safe on the disk: bounded in records and in bytes, numbered without a gap.

A sequence number is given out at the moment of acceptance, under the lock, so the order of numbers is the order of
lines. Full or out of order, the backlog refuses, or lets pass unrecorded what it may, and counts both: nothing is ever
dropped in silence.

A record comes as a text or as a draft. Drafts find their words some at a time, in the thread that brings the last of
them: what they are made of is still in the caches of its processor, and no other one has to fetch it, nor to give back
its memory. Whoever takes words the few that are left. That a draft finds no words is a fault of the gateway: its line
says so, and nothing is accepted from then on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import TYPE_CHECKING, Final, Literal

from gateway.audit.records.events import gap_record
from gateway.audit.writing.encoding import body as encoded
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.kinds import kind_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from gateway.audit.writing.drafts import Draft

type OnFailure = Literal["closed", "deny_only", "open"]
"""What happens to what cannot be recorded: refused; refused if it must be on record; let pass and counted."""

MOST_DRAFTS: Final = 32
"""So many are worded in one go: more of them would leave the caches, and a draft holds on to all of its request."""
UNRECORDED: Final = 0
"""The number of a record that is let pass without being written down."""
_log: Final = logging.getLogger(__name__)


def line_of(seq: int, body: bytes) -> bytes:
    """The line of a record: `body` is its text without the opening brace."""
    return b'{"v":1,"seq":%d,%b\n' % (seq, body)


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
class Missed:
    """How many records were refused, and how many left out, since when (seconds since the epoch).

    `kinds` counts both together by their kinds: `allow`, `deny`, `end`, `connection`, `other`.
    """

    refused: int
    unrecorded: int
    since: float
    kinds: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} of kind `{kind}`" for kind, count in self.kinds.items())
        return f"{self.refused + self.unrecorded} records are not in the log: {kinds}"


class Backlog:
    """The queue between those who append and the one thread that writes. Safe for threads.

    Under `deny_only` what need not be recorded leaves the last quarter of the room to what must be, and what must be
    still finds room while the disk fails.
    """

    def __init__(
        self,
        next_seq: int,
        most_records: int,
        most_bytes: int,
        on_failure: OnFailure = "closed",
        form: Callable[[int, bytes], bytes] = line_of,
    ) -> None:
        self._lock: Final = Lock()  # taken for itself on the way of every request: a condition takes twice as long
        self._changed: Final = Condition(self._lock)
        self._drafts: list[bytes | Draft] = []
        self._lines: list[bytes] = []
        self._waiting: list[tuple[Future[int], int]] = []
        self._since = 0.0
        self._records = 0
        self._bytes = 0
        self._drafted = 0
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._plenty: Final = (most_records // 2, most_bytes // 2)
        self._on_failure: Final = on_failure
        self._form: Final = form
        self._sleeping = False
        self._flowing = False
        self._urgent = False
        self._closing = False
        self._trouble: str | None = None
        self._refused = 0
        self._unrecorded = 0
        self._missed_kinds: dict[str, int] = {}
        self._missed_since = 0.0
        self.refused_in_all = 0
        self.unrecorded_in_all = 0
        self.gaps = 0
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

    @property
    def crowded(self) -> bool:
        """Whether half of the room is taken, so that it is time to make some."""
        return 2 * self._records > self._most_records or 2 * (self._bytes + self._drafted) > self._most_bytes

    def put(self, entry: bytes | Draft, done: Future[int] | None = None, *, must: bool = True) -> int:
        """Accept a record, as a draft or as a text without the opening brace; return its number, or UNRECORDED.

        `done` is told when the record is on the disk; `must` says that under `deny_only` a text may not be left out, as
        drafts say by themselves. Raises AuditUnavailable.
        """
        size = len(entry) if isinstance(entry, bytes) else entry.size
        with self._lock:
            why, drafts, more = self._trouble, self._drafts, self._drafted + size
            if why is None and (self._records >= self._plenty[0] or self._bytes + more > self._plenty[1]):
                why = self._no_room(size, must=_must(entry, must=must))
            if why is not None:
                return self._hard_pressed(why, entry, done, must=_must(entry, must=must))
            if done is not None or not drafts:
                return self._accept(entry, size, done)
            seq = self.next_seq  # as `_accept` does, without the price of a call: this is on the way of every request
            self.next_seq = seq + 1
            self._records += 1
            self._drafted = more
            drafts.append(entry)
            if len(drafts) >= MOST_DRAFTS:
                self._word()
            return seq

    def put_own(self, body: bytes, done: Future[int] | None = None) -> int:
        """Accept a record about the log itself, whatever the bounds."""
        with self._changed:
            return self._accept(body, len(body), done)

    def put_all(self, bodies: Sequence[bytes], done: Future[int] | None = None) -> int:
        """Accept what another process has accepted before, whatever the bounds; return the number of the last one.

        The numbers have no gap. `done` is told when everything up to the last one is on the disk, or at once that it is
        not going to be soon. Raises AuditUnavailable if the log is closed.
        """
        with self._lock:
            if self._closing:
                raise AuditUnavailable(self._trouble or "")
            for body in bodies:
                self._accept(body, len(body), None)
            last = self.next_seq - 1
            if done is not None and self._trouble is not None:
                done.set_exception(AuditUnavailable(self._trouble))
            elif done is not None:
                self._waiting.append((done, last))
                self._urgent = True
                self._changed.notify()
            return last

    def wake(self) -> None:
        """Let whoever waits in `take` go on, even with nothing."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()

    def take(self, patience: float | None, gather: float) -> Batch:
        """Wait up to `patience` seconds for a first line, then `gather` seconds for more; hand over all there is.

        As long as lines keep coming nobody is woken for a first one, but by the clock alone.
        """
        with self._changed:
            if self._flowing:
                self._changed.wait_for(lambda: self._urgent, gather)
            if not self._holds:
                self._sleeping = True
                comes = self._changed.wait_for(lambda: self._holds or self._urgent, patience)
                self._sleeping = False
                if comes:
                    self._changed.wait_for(lambda: self._urgent, gather)
            self._word()
            taken, self._lines, self._waiting = Batch(self._lines, self._waiting, self._since), [], []
            self._urgent, self._flowing = self._closing, bool(taken.lines)
        return taken

    def settle(self, lines: Sequence[bytes]) -> None:
        """These lines are on the disk: their room is free."""
        with self._changed:
            self._records -= len(lines)
            self._bytes -= sum(map(len, lines))

    def refuse_all(self, why: str) -> None:
        """Accept nothing until `accept_again`."""
        with self._changed:
            if not self._closing:
                self._trouble = why

    def accept_again(self) -> None:
        """The disk takes records again. What was closed stays closed."""
        with self._changed:
            if not self._closing:
                self._trouble = None

    def close(self, why: str) -> None:
        """Accept nothing any more, and wake the writer to finish."""
        with self._changed:
            self._close(why)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def take_missed(self) -> Missed | None:
        """What was refused or left out since this was last told, once there is room again; else None."""
        with self._changed:
            return None if self.crowded else self._missed()

    def take_untold(self) -> Missed | None:
        """The same at the end, when it cannot be written down any more."""
        with self._changed:
            return self._missed()

    @property
    def _holds(self) -> bool:
        return bool(self._lines or self._drafts)

    def _close(self, why: str) -> None:
        self._closing = self._urgent = True
        self._trouble = why
        self._changed.notify_all()

    def _missed(self) -> Missed | None:
        if not (self._refused or self._unrecorded):
            return None
        missed = Missed(self._refused, self._unrecorded, self._missed_since, self._missed_kinds)
        self._refused, self._unrecorded, self._missed_kinds = 0, 0, {}
        return missed

    def _no_room(self, size: int, *, must: bool) -> str | None:
        records, most_bytes = self._most_records, self._most_bytes
        if self._on_failure == "deny_only" and not must:
            records, most_bytes = records - records // 4, most_bytes - most_bytes // 4
        if self._records >= records:
            return f"the audit queue is full: {self._records} records wait for the disk"
        if self._bytes + self._drafted + size > most_bytes:
            return f"the audit queue is full: {self._bytes + self._drafted} bytes wait for the disk"
        return None

    def _hard_pressed(self, why: str, entry: bytes | Draft, done: Future[int] | None, *, must: bool) -> int:
        """A record that comes while the disk fails or the room is full."""
        kept = must and self._on_failure == "deny_only"
        size = len(entry) if isinstance(entry, bytes) else entry.size
        if kept and not self._closing and self._no_room(size, must=True) is None:
            seq = self._accept(entry, size, None)
            if done is not None:
                done.set_result(seq)
            return seq
        if not (self._refused or self._unrecorded):
            self._missed_since = time.time()
        kind = kind_in(entry) if isinstance(entry, bytes) else entry.kind
        self._missed_kinds[kind] = self._missed_kinds.get(kind, 0) + 1
        if self._closing or kept or self._on_failure == "closed":
            self._refused += 1
            self.refused_in_all += 1
            raise AuditUnavailable(why)
        self._unrecorded += 1
        self.unrecorded_in_all += 1
        if done is not None:
            done.set_result(UNRECORDED)
        return UNRECORDED

    def _accept(self, entry: bytes | Draft, size: int, done: Future[int] | None) -> int:
        seq = self.next_seq
        self.next_seq = seq + 1
        self._records += 1
        self._drafted += size
        if done is not None:
            self._waiting.append((done, seq))
            self._urgent = True
        if not self._holds:
            self._since = time.monotonic()
        if done is not None or self._sleeping:
            self._changed.notify()
        self._drafts.append(entry)
        return seq

    def _word(self) -> None:
        """Make lines of all drafts. Their memory of what repeats belongs to whoever holds the lock."""
        drafts, lines, form = self._drafts, self._lines, self._form
        before = len(lines)
        try:
            for seq, entry in enumerate(drafts, self.next_seq - len(drafts)):
                lines.append(form(seq, self._worded(entry)))
        finally:
            more = lines[before:]
            del drafts[: len(more)]
            self._bytes, self._drafted = self._bytes + sum(map(len, more)), 0

    def _worded(self, entry: bytes | Draft) -> bytes:
        """The text of a record. What was accepted has a line, whatever happens."""
        if isinstance(entry, bytes):
            return entry
        try:
            return entry.text()
        except Exception as error:  # noqa: BLE001 - nobody may stay without a line, whatever is wrong with the words
            return self._in_place_of(entry, error)

    def _in_place_of(self, draft: Draft, error: Exception) -> bytes:
        """Nothing more is let through: nobody knows of which records the words are missing as well."""
        why = f"the record of decision `{draft.id}` could not be worded"
        _log.error("audit: %s, so nothing more is let through: %s", why, type(error).__name__, exc_info=error)
        self._close(why)
        left_out = {draft.kind: 1}
        return encoded(gap_record(reason="not-worded", detail=why, left_out=left_out, unrecorded=1, now=draft.now))


def _must(entry: bytes | Draft, *, must: bool) -> bool:
    return must if isinstance(entry, bytes) else entry.must
