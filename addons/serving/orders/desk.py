"""What orders are carried out with: the engine, the life of its process, and the log, told before anything changes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from addons.serving.control import Refused
from addons.serving.foundations import disclosure_of
from gateway.audit.records.events import admin_record
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from addons.serving.composition import Engine
    from addons.serving.control import Caller
    from addons.serving.listeners import Listener
    from gateway.audit.records.clients import ClientName


class Life(Protocol):
    """The life of the process, as far as it can be asked about and ordered."""

    @property
    def version(self) -> str:
        """Of the gateway."""

    @property
    def configuration(self) -> str | None:
        """The digest of the configuration as it was started with; None if there is no such file."""

    @property
    def started(self) -> float:
        """When its listeners began to accept, in seconds since the epoch; 0 if they do not yet."""

    @property
    def is_ending(self) -> bool:
        """Whether it was told to end."""

    async def reload(self) -> dict[str, Any]:
        """Read everything again, and say what came of it."""

    async def refresh_lists(self) -> dict[str, Any]:
        """Fetch every list that is fetched, put in force what came, and say what came of each."""

    def standing(self) -> Mapping[str, Any]:
        """How every part that can be read again stands, since when, and why."""

    def end(self, seconds: float, cause: str) -> None:
        """Take nothing new, give exchanges so many seconds to end, and stop."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where orders arrive. `clock` gives seconds since the epoch."""

    engine: Engine
    life: Life
    clock: Callable[[], float] = time.time

    def write_down(self, caller: Caller, order: str, what: Mapping[str, str], count: int = 0) -> None:
        """Record what is about to be done. Raises Refused if it cannot be, and then it must not be done."""
        record = admin_record(
            user=caller.uid,
            process=caller.pid,
            by=caller.by,
            order=order,
            what=what,
            count=count,
            now=self.clock(),
        )
        try:
            self.engine.writer.append(record)
        except AuditUnavailable as problem:
            raise Refused(f"it could not be written down, and so it was not done: {problem}") from None

    def client_name(self) -> ClientName | None:
        """What the log calls clients; None if it tells their addresses. Raises AuditUnavailable."""
        return disclosure_of(self.engine.settings).client

    def listener(self, given: Mapping[str, str]) -> Listener:
        """The listener that is named, or the only one there is. Raises Refused."""
        listeners = self.engine.listeners
        name = given.get("listener")
        if name is None and len(listeners) == 1:
            return listeners[0]
        for each in listeners:
            if each.name == name:
                return each
        known = ", ".join(f"`{each.name}`" for each in listeners)
        raise Refused(f"say which listener is meant, `listener` is one of {known}")
