"""The process above the workers: it owns the sockets, the log and the way in for orders, and serves nothing itself.

It starts as many engines as there are to be workers, and another one in the place of one that has died. Nothing of
mitmproxy is loaded here, and no byte of a client is read.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from addons.serving.control import Control
from addons.serving.exporting import exporters_of
from addons.serving.log import log_of
from addons.serving.starting import DRAIN, NotStarted, ready, start_of
from addons.serving.tracing import problems_of as trace_problems
from addons.workers.crew import Crew, Shared
from addons.workers.crowd import SECRET, make_shared
from addons.workers.handing_on import Orders
from addons.workers.sockets import all_of, open_places
from gateway.audit.export.credentials import problems_of
from gateway.audit.records.events import stop_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.owner import AuditOwner
from gateway.control import service_manager
from gateway.limits.shared import SharedTable
from gateway.lists.shelf import Shelf
from gateway.policy.domains import KEY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.export.exporters import Exporters
    from gateway.audit.writing.writer import AuditWriter
    from gateway.config.settings import Settings
    from gateway.control.returning import Returned

__all__ = ["NotStarted", "run"]

_SOCKET: Final = "audit.sock"
"""Where workers write, in the state folder."""
_SHELF: Final = "shelf"
"""Where workers keep the hashes of lists together, in the state folder."""
_SETTLE: Final = 10.0
"""Seconds that workers get beyond what exchanges get to end."""


def run(  # noqa: PLR0913 - what an engine is started with, each by its name
    settings: Settings,
    *,
    said: Callable[[str], None],
    version: str,
    again: Callable[[], Settings] | None = None,
    configuration: str | None = None,
    ready: Callable[[], None] = lambda: None,
    returned: Returned | None = None,
) -> None:
    """Serve with several workers until SIGTERM or SIGINT; otherwise as `addons.serving.engine.run`."""
    process = _Process(settings, said, version, again, configuration, ready, returned)
    try:
        asyncio.run(process.live())
    finally:
        if process.ending.is_set():
            # Told again while Python tidies up, the process would be killed by the signal instead of ending.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(slots=True)
class _Process:
    settings: Settings
    said: Callable[[str], None]
    version: str
    again: Callable[[], Settings] | None
    configuration: str | None
    ready: Callable[[], None]
    returned: Returned | None = None
    drain: tuple[float, str] = (DRAIN, "told to end")
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _live: asyncio.Task[None] | None = None

    async def live(self) -> None:
        """All of it, from the start to the end."""
        self._live = asyncio.current_task()
        writer = log_of(self.settings)
        try:
            writer.start()
        except (AuditUnavailable, OSError, ValueError) as error:
            raise NotStarted(str(error)) from None
        exporters = exporters_of(self.settings, writer.append, self.said)
        try:
            exporters.start()
            await self._own(writer, exporters)
        except AuditUnavailable as error:
            raise NotStarted(str(error)) from None
        finally:
            try:
                writer.close()
            finally:
                exporters.close()

    async def _own(self, writer: AuditWriter, exporters: Exporters) -> None:
        """Take records of workers, through the open folder: the path of a socket has 107 bytes at most."""
        folder = os.open(self.settings.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        path = Path(f"/proc/self/fd/{folder}/{_SOCKET}")
        owner = AuditOwner(writer, path)
        owner.start()
        try:
            await self._employ(writer, exporters, path, folder)
        finally:
            owner.close()
            os.close(folder)

    async def _employ(self, writer: AuditWriter, exporters: Exporters, path: Path, folder: int) -> None:
        problems = problems_of(self.settings.audit.exports, os.environ)
        problems += problems_of(self.settings.proof.reached, os.environ)
        problems += trace_problems(self.settings.traces)
        places = open_places(self.settings.listeners, self.settings.workers, problems)
        shelf = Shelf(self.settings.state / _SHELF, os.urandom(KEY_LENGTH))
        shelf.empty()
        shared = Shared(
            places=places,
            folder=folder,
            log=path,
            memory=make_shared(self.settings.workers, self.settings.limits.connections),
            limits=SharedTable.create(self.settings.workers),
            secret=os.urandom(SECRET),
            shelf=shelf,
        )
        crew = Crew(
            *(self.settings, shared, writer, self.said, self.again),
            version=self.version,
            configuration=self.configuration,
            returned=self.returned,
        )
        try:
            await self._serve(crew, writer, exporters, problems)
        finally:
            await crew.end_at_once()
            for each in all_of(places):
                each.close()
            os.close(shared.memory)
            shared.limits.close()

    async def _serve(self, crew: Crew, writer: AuditWriter, exporters: Exporters, problems: list[str]) -> None:
        self._listen_to_signals(crew)
        await crew.gather(problems)
        writer.append(start_of(self.settings, self.version, self.configuration, time.time()))
        orders = Orders(crew, writer.append, time.time, self.end, exporters.health)
        control = Control(self.settings.state, orders.verbs)
        try:
            await crew.begin()
            await control.open()
            self.said(ready(self.settings))
            self.ready()
            service_manager.tell("READY=1")
            await self._until_told(crew)
        finally:
            await control.close()
        cause = self.drain[1] if crew.failure is None else crew.failure
        with suppress(AuditUnavailable):
            writer.append(stop_record(cause=cause, now=time.time()))
        if crew.failure is not None:
            raise NotStarted(crew.failure)

    async def _until_told(self, crew: Crew) -> None:
        """Look after the workers; told to end, or when that is of no use any more, let them end in peace."""
        told = asyncio.create_task(self.ending.wait())
        failed = asyncio.create_task(crew.failed.wait())
        await asyncio.wait((told, failed), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        failed.cancel()
        service_manager.tell("STOPPING=1")
        await crew.leave(self.drain[0], _SETTLE)

    def _listen_to_signals(self, crew: Crew) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end)
        loop.add_signal_handler(signal.SIGHUP, crew.start_reload)

    def end(self, seconds: float, cause: str) -> None:
        """Take nothing new, give exchanges so many seconds to end, and stop."""
        self.drain = seconds, cause
        self.ending.set()

    def _end(self) -> None:
        """The first time, drain; the second time, end at once."""
        if self.ending.is_set() and self._live is not None:
            self._live.cancel()
        self.ending.set()
