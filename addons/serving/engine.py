"""The mitmproxy engine as a process: opened all or nothing, served until told to end, drained, and closed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from addons.serving.composition import Engine, compose
from addons.serving.exporting import exporters_of
from addons.serving.listeners import Closable, Crowd, Served, cannot_listen, open_datagrams, open_socket
from addons.serving.opening import feeds_of, load, open_server, serve, settle
from addons.serving.options import forget_key_logs
from addons.serving.orders.desk import Desk
from addons.serving.orders.table import orders
from addons.serving.reconfiguring import point_at_copies, point_back
from addons.serving.reloading import Reloading
from addons.serving.starting import DRAIN, NotStarted, ready, returned_record, start_of
from addons.serving.tasks import spawn
from addons.serving.tracing import problems_of as trace_problems
from gateway.audit.export.credentials import problems_of
from gateway.audit.records.events import stop_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.cache.disk.files import Unusable
from gateway.control import service_manager
from gateway.control.feeds import readers_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from gateway.audit.export.exporters import Exporters
    from gateway.config.settings import Settings
    from gateway.control.feeds import Feeds
    from gateway.control.outcomes import Outcomes
    from gateway.control.returning import Returned

__all__ = ["NotStarted", "run"]


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
    """Serve until SIGTERM or SIGINT. `said` hears sentences for the operator; decisions are in the audit log.

    `again` reads the configuration once more, on SIGHUP; it raises Invalid. `configuration` is its digest. `ready` is
    called once every listener accepts. `returned` is what was in force last, to start with.

    Raises NotStarted if the gateway cannot start.
    """
    forget_key_logs()
    process = _Process(settings, said, version, again, configuration, ready, returned)
    try:
        asyncio.run(process.live())
    finally:
        if process.is_ending:
            # Told again while Python tidies up, the process would be killed by the signal instead of ending.
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_IGN)


@dataclass(slots=True)
class _Process:
    settings: Settings
    said: Callable[[str], None]
    version: str
    again: Callable[[], Settings] | None = None
    configuration: str | None = None
    ready: Callable[[], None] = lambda: None
    returned: Returned | None = None
    started: float = 0.0
    _drain: tuple[float, str] = (DRAIN, "told to end")
    _reloading: Reloading = field(init=False)
    _fetching: Feeds = field(init=False)
    _crowd: Crowd = field(init=False)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._crowd = Crowd(self.settings.limits)

    @property
    def is_ending(self) -> bool:
        """Whether it was told to end."""
        return self._ending.is_set()

    async def live(self) -> None:
        began = time.time()
        engine, feeds, sockets = await self._prepare()
        self._fetching = feeds
        engine.control.verbs = orders(Desk(engine, self))
        exporters = exporters_of(self.settings, engine.writer.append, self.said)
        engine.measuring.exporters = exporters.health
        self._reloading = reloading = Reloading(engine, self.said, self.again, began=began, returned=self.returned)
        try:
            self._start(exporters)
            if engine.traces is not None:
                engine.traces.start()
            servers: list[Closable] = []
            for listener, opened in zip(engine.listeners, sockets, strict=True):
                servers += [await open_server(engine, listener, self._crowd, each) for each in opened]
            await engine.control.open()
            if engine.counting is not None:
                await engine.counting.store.open()
            await self._serve(engine, servers, reloading, feeds)
        finally:
            await engine.control.close()
            if engine.counting is not None:
                await engine.counting.store.close()
            engine.resolver.close()
            engine.caches.close()
            try:
                engine.writer.close()
            finally:
                exporters.close()
                if engine.traces is not None:
                    engine.traces.close()

    @staticmethod
    def _start(exporters: Exporters) -> None:
        try:
            exporters.start()
        except AuditUnavailable as error:
            raise NotStarted(str(error)) from None

    async def _prepare(self) -> tuple[Engine, Feeds, list[list[socket.socket]]]:
        """Policies, log and sockets; every problem of all of them is told in one go."""
        try:
            engine = compose(self.settings)
            engine.writer.start()
        except (AuditUnavailable, OSError, ValueError) as error:
            raise NotStarted(str(error)) from None
        if engine.counting is not None:
            engine.counting.teller.said = self.said
        try:
            engine.open(self.said)
        except (Unusable, OSError) as error:
            engine.writer.close()
            raise NotStarted(str(error)) from None
        if self.returned is not None:
            point_at_copies(engine, self.settings, self.returned.kept)
        feeds = feeds_of(engine, self.said)
        problems = [*await load(engine, self.said, feeds), *problems_of(self.settings.audit.exports, os.environ)]
        if self.returned is not None:
            point_back(engine, self.settings)
        problems += problems_of(self.settings.proof.reached, os.environ)
        problems += trace_problems(self.settings.traces)
        sockets = self._bind(problems)
        if problems:
            for each in chain.from_iterable(sockets):
                each.close()
            engine.caches.close()
            engine.writer.close()
            raise NotStarted(*problems)
        return engine, feeds, sockets

    def _bind(self, problems: list[str]) -> list[list[socket.socket]]:
        """The sockets of each listener: TCP, and UDP behind it where HTTP/3 is spoken."""
        opened: list[list[socket.socket]] = []
        for each in self.settings.listeners:
            opened.append([])
            try:
                opened[-1].append(open_socket(*each.bind))
                if each.http3:
                    opened[-1].append(open_datagrams(*each.bind))
            except OSError as error:
                problems.append(cannot_listen(each, error))
        return opened

    async def _serve(self, engine: Engine, servers: list[Closable], reloading: Reloading, feeds: Feeds) -> None:
        self._listen_to_signals(reloading, engine.served)
        engine.writer.append(start_of(self.settings, self.version, self.configuration, time.time()))
        if self.returned is not None:
            engine.note(returned_record(self.returned, time.time()))
        settle(engine, self.said)
        self.said(ready(self.settings))
        self.started = time.time()
        self.ready()
        service_manager.tell("READY=1")
        spawn(reloading.keep(), self._tasks)
        if self.settings.reload.watch:
            spawn(reloading.watch(), self._tasks)
        spawn(feeds.run(partial(_read_lists, reloading)), self._tasks)
        spawn(self._tell_of_the_end(), self._tasks)
        await serve(engine, servers, self._ending, lambda: self._drain[0])
        _, cause = self._drain
        with suppress(AuditUnavailable):
            engine.writer.append(stop_record(cause=cause, now=time.time()))

    async def _tell_of_the_end(self) -> None:
        await self._ending.wait()
        service_manager.tell("STOPPING=1")
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel("the gateway ends")

    def _listen_to_signals(self, reloading: Reloading, served: Served) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end, served)
        loop.add_signal_handler(signal.SIGHUP, self._start_reload, reloading)

    async def reload(self) -> dict[str, Any]:
        """Read everything again; what was refused stays as it was."""
        return (await self._reloading.reload("order")).data()

    async def refresh_lists(self) -> dict[str, Any]:
        """Fetch every list that is fetched, and put in force what came."""
        came = await self._fetching.fetch_now()
        read = await _read_lists(self._reloading, readers_of(came))
        return {"fetched": [each.data() for each in came], **read.data()}

    def standing(self) -> Mapping[str, Any]:
        """How every part that can be read again stands."""
        return self._reloading.data()

    def end(self, seconds: float, cause: str) -> None:
        """Take nothing new, give exchanges so many seconds to end, and stop."""
        self._drain = seconds, cause
        self._ending.set()

    def _end(self, served: Served) -> None:
        """The first time, drain; the second time, end at once."""
        if self._ending.is_set():
            served.forsake()
            for each in asyncio.all_tasks():
                each.cancel()
        self._ending.set()

    def _start_reload(self, reloading: Reloading) -> None:
        spawn(_obey(reloading), self._tasks)


async def _read_lists(reloading: Reloading, listeners: frozenset[str]) -> Outcomes:
    return await reloading.reload("list", frozenset(("policy", each) for each in listeners))


async def _obey(reloading: Reloading) -> None:
    await reloading.reload("signal")
