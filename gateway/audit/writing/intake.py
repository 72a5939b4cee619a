"""How records are accepted, whoever writes them: into a bounded backlog, waited for if that is promised."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.audit.writing.backlog import UNRECORDED
from gateway.audit.writing.encoding import body
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from gateway.audit.records.record import Record
    from gateway.audit.writing.backlog import Backlog, OnFailure
    from gateway.audit.writing.drafts import Draft

type Durability = Literal["sync", "batched", "relaxed"]

NOT_OPEN: Final = "the audit log is not open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a log does: `waiting` records are not yet on the disk.

    It was last synced at `synced_at`, in seconds since the epoch; 0 if never. `gaps`, `refused` and `unrecorded`
    records are counted since the start.
    """

    healthy: bool
    waiting: int = 0
    synced_at: float = 0.0
    gaps: int = 0
    refused: int = 0
    unrecorded: int = 0


class Log(Protocol):
    """A log that records can be written into: that of this process, or of another one."""

    def start(self) -> None:
        """Open it. Raises AuditUnavailable."""

    def append(self, record: Record | Draft) -> int:
        """Accept a record. Raises AuditUnavailable."""

    def append_durable(self, record: Record | Draft) -> Future[int]:
        """Accept a record; the future holds its number once it is on the disk, else AuditUnavailable."""

    async def record(self, record: Record | Draft) -> int:
        """Accept a record as `durability` asks for. Raises AuditUnavailable."""

    @property
    def waits(self) -> bool:
        """Whether `record` waits for the disk."""

    @property
    def healthy(self) -> bool:
        """Whether records are accepted."""

    @property
    def trouble(self) -> str | None:
        """Why no record is accepted, or None."""

    @property
    def waiting(self) -> int:
        """How many records are accepted and not yet where they are safe."""

    @property
    def figures(self) -> Figures:
        """How the log does, and what it had to leave out so far."""

    @property
    def last(self) -> int:
        """The number of the newest record that was accepted here. Raises AuditUnavailable."""

    def close(self) -> None:
        """Write what was accepted and end. Raises AuditUnavailable if some of it may be missing."""


@dataclass(slots=True)
class Intake:
    """The door of a log; shut as long as there is no `backlog`. Every method may raise AuditUnavailable."""

    durability: Durability
    on_failure: OnFailure
    backlog: Backlog | None = None

    @property
    def waits(self) -> bool:
        """Whether `record` waits for the disk."""
        return self.durability == "sync"

    @property
    def trouble(self) -> str | None:
        """Why no record is accepted, or None."""
        return NOT_OPEN if self.backlog is None else self.backlog.trouble

    @property
    def waiting(self) -> int:
        """How many records are accepted and not yet where they are safe."""
        return 0 if self.backlog is None else self.backlog.records

    def append(self, record: Record | Draft) -> int:
        """Accept a record, return its number, or UNRECORDED if it is left out."""
        backlog = self.opened()
        if not isinstance(record, dict):
            return backlog.put(record)
        text = body(record)
        if record["event"] == "stop" and not backlog.closing:
            return backlog.put_own(text)  # the last record: room is reserved for it
        return backlog.put(text, must=must_be_recorded(record))

    def append_durable(self, record: Record | Draft) -> Future[int]:
        """Accept a record; the future holds its number once it is on the disk, else AuditUnavailable."""
        done: Future[int] = Future()
        if isinstance(record, dict):
            self.opened().put(body(record), done, must=must_be_recorded(record))
        else:
            self.opened().put(record, done)
        return done

    async def record(self, record: Record | Draft) -> int:
        """Accept a record as `durability` asks for. One whose sync failed was accepted, and is written again later."""
        if self.durability != "sync":
            return self.append(record)
        waiting = asyncio.wrap_future(self.append_durable(record))
        try:
            return await waiting
        except AuditUnavailable:
            if self.on_failure == "closed":
                raise
            return UNRECORDED

    def figures(self, *, synced_at: float = 0.0) -> Figures:
        """How the log does that was last synced then."""
        backlog = self.backlog
        if backlog is None:
            return Figures(healthy=False)
        return Figures(
            healthy=backlog.trouble is None,
            waiting=backlog.records,
            synced_at=synced_at,
            gaps=backlog.gaps,
            refused=backlog.refused_in_all,
            unrecorded=backlog.unrecorded_in_all,
        )

    def opened(self) -> Backlog:
        """The backlog of a log that is open."""
        if self.backlog is None:
            raise AuditUnavailable(NOT_OPEN)
        return self.backlog


def must_be_recorded(record: Record) -> bool:
    """Whether a record may not be left out under `deny_only`: all but allows and the ends of exchanges."""
    if record["event"] == "end":
        return False
    decision = record.get("decision")
    return not (isinstance(decision, dict) and decision.get("verdict") == "allow")
