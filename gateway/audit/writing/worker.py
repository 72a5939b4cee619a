"""The log as a worker sees it: the same interface as the writer's, but the records go to the process that owns the log.

A record is accepted into the worker's own bounded backlog and sent at once. Numbers that `append` returns are the
worker's own; the futures of `append_durable` hold the number in the log. If the owner is gone nothing is accepted, or
what `on_failure` says; when there is one again, a `gap` record tells what was missed, and how many records were on the
way when it went and may be missing: they are not sent twice.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import gap_record
from gateway.audit.writing import frames
from gateway.audit.writing.backlog import Backlog, Batch
from gateway.audit.writing.encoding import body
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.audit.writing.drafts import Draft
    from gateway.audit.writing.intake import Figures
    from gateway.audit.writing.writer import WriterOptions

_GONE: Final = "the process that writes the audit log is gone"
_MISSED: Final = "more records came to a worker than the writer could take"
_PIECE: Final = 256 * 1024


@dataclass(slots=True)
class _Waiting:
    """A record whose number was promised: `seq` is known once the owner has taken it."""

    done: Future[int]
    ticket: int
    seq: int = 0


class WorkerLog:
    """The log whose owner listens at the socket `path`. `append` may be called from any thread."""

    def __init__(self, path: Path, options: WriterOptions, *, clock: Callable[[], float] = time.time) -> None:
        self._path: Final = path
        self._options: Final = options
        self._clock: Final = clock
        self._intake: Final = Intake(options.durability, options.on_failure)
        self._thread: Final = Thread(target=self._run, name="audit-worker", daemon=True)
        self._changed: Final = Condition()
        self._sent: Final[deque[bytes]] = deque()
        self._waiting: Final[deque[_Waiting]] = deque()
        self._socket: socket.socket | None = None
        self._is_started = False
        self._is_heard = False
        self._ticket = 0
        self._safe = 0
        self._was_refused = False
        self._lost = 0
        self._unsent = Batch()

    def start(self) -> None:
        """Reach the owner. Raises AuditUnavailable."""
        options = self._options
        backlog = Backlog(1, options.most_records, options.most_bytes, options.on_failure, form=frames.record)
        try:
            self._socket = self._connected()
        except OSError as error:
            raise AuditUnavailable(f"audit: cannot reach the writer at `{self._path}`: {error.strerror}") from None
        self._intake.backlog = backlog
        self._is_started = True
        self._thread.start()

    def append(self, record: Record | Draft) -> int:
        """Accept a record; the number that comes back is the worker's own. Raises AuditUnavailable."""
        return self._intake.append(record)

    def append_durable(self, record: Record | Draft) -> Future[int]:
        """Accept a record; the future holds its number in the log once it is on the disk, else AuditUnavailable."""
        return self._intake.append_durable(record)

    async def record(self, record: Record | Draft) -> int:
        """Accept a record as `durability` asks for. Raises AuditUnavailable."""
        return await self._intake.record(record)

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
        """How many records are accepted here and not yet by the owner."""
        return self._intake.waiting

    @property
    def figures(self) -> Figures:
        """How it does here; of syncs the owner knows."""
        return self._intake.figures()

    @property
    def last(self) -> int:
        """The worker's own number of the newest record that was accepted. Raises AuditUnavailable."""
        return self._intake.opened().next_seq - 1

    def close(self) -> None:
        """Send what was accepted and end. Raises AuditUnavailable if the owner did not take all of it."""
        if not self._is_started:
            return
        self._is_started = False
        backlog = self._intake.opened()
        backlog.close("the audit log is closed")
        self._thread.join()
        if backlog.records or self._lost:
            raise AuditUnavailable(f"audit: {backlog.records + self._lost} accepted records may be missing")

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        return connection

    def _run(self) -> None:
        """Send, and when the owner is gone look for it again, until all is sent and the log is closed."""
        backlog, connection = self._intake.opened(), self._socket
        while connection is not None:
            answers = Thread(target=self._listen, args=(connection, backlog), name="audit-answers", daemon=True)
            self._is_heard = True
            answers.start()
            is_over = self._send(connection, backlog)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            answers.join()
            connection.close()
            self._forget(backlog)
            connection = None if is_over else self._reached_again(backlog)

    def _send(self, connection: socket.socket, backlog: Backlog) -> bool:
        """Send what gathers as long as the owner is there; whether all is sent and safe, and the log closed."""
        while self._is_heard:
            closing = backlog.closing
            taken, self._unsent = self._unsent, Batch()
            taken.extend(backlog.take(0.0 if taken.lines else None, self._options.gather / 4))
            if not self._is_heard:
                self._unsent = taken
                break
            with self._changed:
                self._sent.extend(taken.lines)
                self._waiting.extend(_Waiting(done, ticket) for done, ticket in taken.waiting)
                self._ticket += len(taken.lines)
            if taken.waiting or closing:
                taken.lines.append(frames.frame(frames.SYNC, self._ticket))
            try:
                connection.sendall(b"".join(taken.lines))
            except OSError:
                return False
            if closing:
                return self._all_safe()
        return False

    def _all_safe(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._safe >= self._ticket or not self._is_heard)
            return self._safe >= self._ticket

    def _listen(self, connection: socket.socket, backlog: Backlog) -> None:
        """Hear the owner until it is gone, or makes no sense."""
        parser = frames.Parser()
        try:
            while data := connection.recv(_PIECE):
                for each in parser.feed(data):
                    self._hear(each, backlog)
        except (OSError, frames.Garbled):
            pass
        finally:
            # In this order: who sees the trouble may rely on it that what he appends is not sent into the void.
            with self._changed:
                self._is_heard = False
                self._changed.notify_all()
            backlog.refuse_all(_GONE)
            backlog.wake()

    def _hear(self, said: frames.Frame, backlog: Backlog) -> None:
        match said.kind:
            case frames.TAKEN:
                self._taken(backlog, said.ticket, *frames.numbers(said.body))
            case frames.SAFE:
                self._settled(said.ticket, None)
            case frames.FAILED:
                self._settled(said.ticket, said.body.decode())
            case frames.TROUBLE if said.body:
                self._was_refused = True
                backlog.refuse_all(said.body.decode())
            case frames.TROUBLE:
                backlog.accept_again()
            case _:
                raise frames.Garbled(f"a frame of kind {said.kind}")
        self._tell_of_missed(backlog)

    def _taken(self, backlog: Backlog, ticket: int, seq: int, count: int) -> None:
        with self._changed:
            if count > len(self._sent):
                raise frames.Garbled(f"{count} records that were not sent")
            lines = [self._sent.popleft() for _ in range(count)]
            for each in self._waiting:
                if ticket - count < each.ticket <= ticket:
                    each.seq = seq - (ticket - each.ticket)
        backlog.settle(lines)

    def _settled(self, ticket: int, problem: str | None) -> None:
        with self._changed:
            over = []
            while self._waiting and self._waiting[0].ticket <= ticket:
                over.append(self._waiting.popleft())
            if problem is None:
                self._safe = max(self._safe, ticket)
            self._changed.notify_all()
        _let_go(over, problem)

    def _forget(self, backlog: Backlog) -> None:
        """The owner is gone: what was on the way, or taken and never said to be safe, may be in the log or not."""
        with self._changed:
            lines, over = list(self._sent), list(self._waiting)
            self._sent.clear()
            self._waiting.clear()
        self._lost += len(lines) + sum(each.seq > 0 for each in over)
        self._was_refused = True
        backlog.settle(lines)
        _let_go(over, _GONE)

    def _reached_again(self, backlog: Backlog) -> socket.socket | None:
        pause, longest = self._options.retry
        while True:
            last_chance = backlog.closing
            try:
                return self._connected()
            except OSError:
                if last_chance:
                    return None
                backlog.pause(pause)
                pause = min(2 * pause, longest)

    def _tell_of_missed(self, backlog: Backlog) -> None:
        """Once records are accepted again: what was refused, left out, or on its way when the owner went."""
        missed = backlog.take_missed() if backlog.trouble is None else None
        if backlog.trouble is not None or (missed is None and not self._lost):
            return
        lost, self._lost = self._lost, 0
        was_refused, self._was_refused = self._was_refused, False
        detail = f"{lost} records were on the way to the writer when it went and may be missing" if lost else _MISSED
        record = gap_record(
            reason="write-failed" if was_refused else "queue-full",
            detail=detail,
            since=None if missed is None else missed.since,
            refused=0 if missed is None else missed.refused,
            unrecorded=0 if missed is None else missed.unrecorded,
            left_out={} if missed is None else missed.kinds,
            now=self._clock(),
        )
        backlog.put_own(body(record))


def _let_go(over: list[_Waiting], problem: str | None) -> None:
    for each in over:
        if not each.done.set_running_or_notify_cancel():
            continue
        if problem is None:
            each.done.set_result(each.seq)
        else:
            each.done.set_exception(AuditUnavailable(problem))
