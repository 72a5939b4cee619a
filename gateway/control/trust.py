"""What upstreams are measured by, in force: one reference, replaced as a whole or not at all.

A reload that meets any problem changes nothing and says so, as with policies; a start that meets one does not happen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.audit.records.events import trust_record
from gateway.policy.problems import Invalid
from gateway.upstreams.trust import read_trust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.records.events import Cause
    from gateway.audit.records.record import Record
    from gateway.config.settings import UpstreamTlsSettings
    from gateway.upstreams.trust import Trust


class TrustStore:
    """Holds what upstreams are measured by; `clock` gives seconds since the epoch, `record` writes an audit record."""

    def __init__(
        self, settings: UpstreamTlsSettings, clock: Callable[[], float], record: Callable[[Record], object]
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._record = record
        self._trust: Trust | None = None

    @property
    def current(self) -> Trust:
        """What is in force now. Raises RuntimeError before the start."""
        if self._trust is None:
            raise RuntimeError("nobody is trusted yet, the store was not started")
        return self._trust

    def start(self) -> Trust:
        """Read it for the first time. Raises Invalid with every problem."""
        return self._adopt(read_trust(self._settings, self._clock()), "start")

    @property
    def files(self) -> tuple[Path, ...]:
        """What is read."""
        return (*self._settings.trust, *self._settings.revoked)

    def point_at(self, settings: UpstreamTlsSettings) -> None:
        """Read what these settings say from now on. What is in force stays so."""
        self._settings = settings

    async def reload_aside(self, cause: Cause) -> Trust:
        """Read it again, in a thread, and put it in force. Raises Invalid, and then what was in force still is."""
        try:
            return self._adopt(await asyncio.to_thread(read_trust, self._settings, self._clock()), cause)
        except Invalid as error:
            self._tell("refused", tuple(map(str, error.problems)), cause)
            raise

    def _adopt(self, trust: Trust, cause: Cause) -> Trust:
        """Record, then swap."""
        self._tell("loaded", trust.notices, cause)
        self._trust = trust
        return trust

    def _tell(self, outcome: str, problems: tuple[str, ...], cause: Cause) -> None:
        files = [str(each) for each in self.files]
        if files:
            self._record(trust_record(outcome=outcome, files=files, problems=problems, now=self._clock(), cause=cause))
