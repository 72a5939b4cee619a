"""Lists that become too old while the gateway runs: told and recorded when it happens, not at the next reload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from addons.serving.listeners import Listener


@dataclass(frozen=True, slots=True)
class Ageing:
    """Looks at the lists of all listeners; `said` hears what an operator should know."""

    listeners: Sequence[Listener]
    said: Callable[[str], None]

    async def look(self) -> None:
        """Tell of every list that is older than it may be since the last look. They stay in force."""
        for listener in self.listeners:
            try:
                notices = listener.store.look_at_ages()
            except AuditUnavailable:
                continue  # it is news until it could be recorded
            for notice in notices:
                self.said(notice)
