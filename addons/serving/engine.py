"""The mitmproxy engine as a process: opened all or nothing, served until told to end, drained, and closed."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from random import SystemRandom
from socket import SOCK_DGRAM
from typing import TYPE_CHECKING, Any, Final

from addons.serving.ageing import Ageing
from addons.serving.composition import Engine, compose
from addons.serving.descriptors import make_room
from addons.serving.exporting import exporters_of
from addons.serving.foundations import all_own
from addons.serving.front import Front, open_http3
from addons.serving.listeners import Closable, Crowd, Listener, cannot_listen, open_datagrams, open_socket
from addons.serving.options import forget_key_logs
from addons.serving.orders.desk import Desk
from addons.serving.orders.table import orders
from addons.serving.quicker import quicken
from addons.serving.reloading import Reloading
from addons.serving.tasks import spawn
from gateway.audit.export.credentials import problems_of
from gateway.audit.records.events import start_record, stop_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.cache.disk.files import Unusable
from gateway.config.digest import digest_of
from gateway.control import service_manager
from gateway.control.feeds import Feeds, Surroundings
from gateway.policy.problems import Invalid
from gateway.upstreams.clauses import never_reached

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from gateway.audit.export.exporters import Exporters
    from gateway.config.settings import Settings
    from gateway.control.fronts import FrontStore
    from gateway.control.store import PolicyStore
    from gateway.control.trust import TrustStore

DRAIN: Final = 10.0
"""Seconds that exchanges get to end when the gateway is told to."""
_BACKLOG: Final = 4096
"""Connections that may wait in the kernel to be accepted."""
_AT_ONCE: Final = 16
"""Connections that are accepted in one turn of the event loop, so that a burst of them lets others have their turns."""
_COLLECT_AFTER: Final = (4_000, 20, 50)
"""Garbage is looked for after this many new objects: a request makes hundreds, and few of them live on.

Measured: with 20,000 a client waits 15 ms for it every third of a second (p99 12 to 46 ms), with 4,000 for 3 ms (p99 3
to 5 ms), and as many requests are answered.
"""


class NotStarted(Exception):  # noqa: N818 - it says what happened
    """The gateway cannot start; `problems` says why, in words for people, all at once."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Final = problems


def run(  # noqa: PLR0913 - what an engine is started with, each by its name
    settings: Settings,
    *,
    said: Callable[[str], None],
    version: str,
    again: Callable[[], Settings] | None = None,
    configuration: str | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT. `said` hears sentences for the operator; decisions are in the audit log.

    `again` reads the configuration once more, on SIGHUP; it raises Invalid. `configuration` is its digest. `ready` is
    called once every listener accepts. Raises NotStarted if the gateway cannot start.
    """
    forget_key_logs()
    process = _Process(settings, said, version, again, configuration, ready)
    try:
        asyncio.run(process.live())
    finally:
        if process.is_ending:
            # Told again while Python tidies up, the process would be killed by the signal instead of ending.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(slots=True)
class _Process:
    settings: Settings
    said: Callable[[str], None]
    version: str
    again: Callable[[], Settings] | None = None
    configuration: str | None = None
    ready: Callable[[], None] = lambda: None
    started: float = 0.0
    _drain: tuple[float, str] = (DRAIN, "told to end")
    _reloading: Reloading = field(init=False)
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
        engine.control.verbs = orders(Desk(engine, self))
        exporters = exporters_of(self.settings, engine.writer.append, self.said)
        engine.measuring.exporters = exporters.health
        self._reloading = reloading = Reloading(engine, self.said, self.again, began=began)
        try:
            self._start(exporters)
            servers: list[Closable] = []
            for listener, opened in zip(engine.listeners, sockets, strict=True):
                servers += [await self._open(engine, listener, each) for each in opened]
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
        feeds, problems = self._feeds(engine), self._load(engine.trust)
        if not problems:
            await feeds.fetch_missing()
        problems += [problem for listener in engine.listeners for problem in self._load(listener.store)]
        problems += problems_of(self.settings.audit.exports, os.environ)
        problems += problems_of(self.settings.proof.reached, os.environ)
        problems += [problem for store in engine.fronts.values() for problem in self._load(store)]
        sockets = self._bind(problems)
        if problems:
            for each in chain.from_iterable(sockets):
                each.close()
            engine.caches.close()
            engine.writer.close()
            raise NotStarted(*problems)
        return engine, feeds, sockets

    def _feeds(self, engine: Engine) -> Feeds:
        """What fetches the lists of the policies."""
        for listener in engine.listeners:
            listener.store.foresee()
        stores = {each.name: each.store for each in engine.listeners}
        around = Surroundings(
            resolver=engine.resolver,
            trust=lambda: engine.trust.current,
            own=all_own(self.settings),
            clock=time.time,
            draw=SystemRandom().random,
            record=engine.writer.append,
            said=self.said,
        )
        return Feeds(stores, self.settings.state / "lists" / ".fetched", around)

    def _load(self, store: PolicyStore | TrustStore | FrontStore) -> list[str]:
        try:
            for notice in store.start().notices:
                self.said(notice)
        except Invalid as error:
            return [str(problem) for problem in error.problems]
        return []

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

    async def _open(self, engine: Engine, listener: Listener, opened: socket.socket) -> Closable:
        if opened.type == SOCK_DGRAM:
            return await open_http3(listener, self._crowd, engine, engine.stage(), opened)
        front = Front(listener, self._crowd, engine, engine.stage())
        server = await asyncio.start_server(front.accept, sock=opened, backlog=_AT_ONCE)
        opened.listen(_BACKLOG)  # asyncio takes its own number for both
        return server

    async def _serve(self, engine: Engine, servers: list[Closable], reloading: Reloading, feeds: Feeds) -> None:
        self._listen_to_signals(reloading)
        where = [f"{each.mode} {each.settings.endpoint}" for each in engine.listeners]
        engine.writer.append(
            start_record(
                version=self.version,
                engine=self.settings.engine,
                listeners=[f"{each.name} {at}" for each, at in zip(engine.listeners, where, strict=True)],
                configuration=self.configuration,
                settings=digest_of(self.settings),
                now=time.time(),
            )
        )
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        quicken()
        if too_few := make_room(self.settings.limits.connections):
            self.said(too_few)
        for claim, _ in (unreached for each in engine.listeners for unreached in never_reached(each.settings.routes)):
            self.said(f"no request takes the route for {claim}, more specific ones leave nothing to it")
        for notice in () if engine.signing is None else engine.signing.store.notices():
            self.said(notice)
        engine.pools.said = self.said
        engine.served.chores.append(Ageing(engine.listeners, self.said).look)
        engine.checks.renew()
        admin = self.settings.admin
        self.said(f"ready: {', '.join([*where, *(() if admin is None else (f'admin {admin.endpoint}',))])}")
        self.started = time.time()
        self.ready()
        service_manager.tell("READY=1")
        sweeping = asyncio.create_task(engine.served.sweep_for_ever())
        if self.settings.reload.watch:
            spawn(reloading.watch(), self._tasks)
        spawn(feeds.run(partial(_read_lists, reloading)), self._tasks)
        await self._ending.wait()
        service_manager.tell("STOPPING=1")
        for task in tuple(self._tasks):
            task.cancel("the gateway ends")
        for server in servers:
            server.close()
        seconds, cause = self._drain
        await engine.served.drain(seconds)
        sweeping.cancel()
        await engine.refreshing.stop()
        await engine.checks.stop()
        with suppress(AuditUnavailable):
            engine.writer.append(stop_record(cause=cause, now=time.time()))

    def _listen_to_signals(self, reloading: Reloading) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._start_reload, reloading)

    async def reload(self) -> dict[str, Any]:
        """Read everything again; what was refused stays as it was."""
        return (await self._reloading.reload("order")).data()

    def standing(self) -> Mapping[str, Any]:
        """How every part that can be read again stands."""
        return self._reloading.data()

    def end(self, seconds: float, cause: str) -> None:
        """Take nothing new, give exchanges so many seconds to end, and stop."""
        self._drain = seconds, cause
        self._ending.set()

    def _end(self) -> None:
        """The first time, drain; the second time, end at once."""
        if self._ending.is_set():
            for each in asyncio.all_tasks():
                each.cancel()
        self._ending.set()

    def _start_reload(self, reloading: Reloading) -> None:
        spawn(_obey(reloading), self._tasks)


async def _read_lists(reloading: Reloading, listeners: frozenset[str]) -> None:
    await reloading.reload("list", frozenset(("policy", each) for each in listeners))


async def _obey(reloading: Reloading) -> None:
    await reloading.reload("signal")
