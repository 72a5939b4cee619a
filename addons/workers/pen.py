"""What a worker writes into the log of all, and what it leaves to others.

Every worker loads the same policies, lists and certificates, and says it; it is written down once, by the worker that
leads. What an operator ordered of all workers is written down once as well, by the supervisor, who gets what each has
to say. How a server stands is every worker's own finding, and bears its number.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.backlog import UNRECORDED
from gateway.audit.writing.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from gateway.audit.records.record import Record
    from gateway.audit.writing.intake import Figures, Log

_OF_ALL: Final = frozenset({"policy", "list", "configuration", "trust", "certificates", "authority", "store"})
_OWN: Final = frozenset({"server"})
_held: Final[ContextVar[list[Record] | None]] = ContextVar("held", default=None)
"""Of the order that is carried out in this task."""


@dataclass(slots=True)
class Pen:
    """The log of the worker with this `number`, in front of the one that it shares."""

    log: Log
    number: int
    leads: bool = False

    @staticmethod
    @contextmanager
    def holding() -> Iterator[list[Record]]:
        """What is said about orders in this block, which is not written here."""
        held: list[Record] = []
        before = _held.set(held)
        try:
            yield held
        finally:
            _held.reset(before)

    def start(self) -> None:
        """Open it. Raises AuditUnavailable."""
        self.log.start()

    def append(self, record: Record | Text) -> int:
        """Accept a record, or leave it to who writes it for all. Raises AuditUnavailable."""
        if isinstance(record, Text):
            return self.log.append(record)  # only decisions and their ends come as text
        event = record["event"]
        if event in _OF_ALL and not self.leads:
            return UNRECORDED
        if event == "admin" and (held := _held.get()) is not None:
            held.append(record)
            return UNRECORDED
        return self.log.append({**record, "worker": self.number} if event in _OWN else record)

    def append_durable(self, record: Record | Text) -> Future[int]:
        """Accept a record; the future holds its number once it is on the disk, else AuditUnavailable."""
        return self.log.append_durable(record)

    async def record(self, record: Record | Text) -> int:
        """Accept a record as `durability` asks for. Raises AuditUnavailable."""
        return await self.log.record(record)

    @property
    def waits(self) -> bool:
        """Whether `record` waits for the disk."""
        return self.log.waits

    @property
    def healthy(self) -> bool:
        """Whether records are accepted."""
        return self.log.healthy

    @property
    def trouble(self) -> str | None:
        """Why no record is accepted, or None."""
        return self.log.trouble

    @property
    def waiting(self) -> int:
        """How many records are accepted and not yet where they are safe."""
        return self.log.waiting

    @property
    def figures(self) -> Figures:
        """How the log does, as far as this worker knows."""
        return self.log.figures

    @property
    def last(self) -> int:
        """The worker's own number of the newest record that was accepted. Raises AuditUnavailable."""
        return self.log.last

    def close(self) -> None:
        """Write what was accepted and end. Raises AuditUnavailable if some of it may be missing."""
        self.log.close()
