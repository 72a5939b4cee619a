"""One worker: an engine that is told by the supervisor what to serve with, when, and for how long.

    python -P -m addons.workers.worker DESCRIPTOR

`DESCRIPTOR` is its end of a pair of sockets. It takes no signals of a terminal or of a service manager: those are for
the supervisor, who hands them on. When the supervisor is gone the log is gone, and the worker ends at once: the kernel
kills it (PR_SET_PDEATHSIG, prctl(2)), and should it be told too late for that, the pair of sockets is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from addons.serving.composition import Engine, compose
from addons.serving.control import Caller, carried_out
from addons.serving.log import options_of
from addons.serving.opening import feeds_of, load, open_server, serve, settle
from addons.serving.options import forget_key_logs
from addons.serving.orders.desk import Desk
from addons.serving.orders.table import orders
from addons.serving.reconfiguring import point_at_copies, point_back, take_up
from addons.serving.reloading import Reloading
from addons.serving.starting import DRAIN, returned_record
from addons.serving.tasks import spawn
from addons.workers.pen import Pen
from addons.workers.shares import share_of
from addons.workers.wire import Gone, Wire, unpacked
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.worker import WorkerLog
from gateway.cache.disk.files import Unusable
from gateway.control.channel import Order
from gateway.control.feeds import readers_of
from gateway.control.outcomes import Outcomes
from gateway.limits.shared import SharedTable
from gateway.policy.errors import Malformed
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from addons.serving.listeners import Closable
    from addons.workers.crowd import SharedCrowd
    from addons.workers.place import Place
    from gateway.config.settings import Settings
    from gateway.control.feeds import Feeds
    from gateway.control.inforce import KeptSet

_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG."""
PATIENCE: Final = 120.0
"""Seconds until a wish is made again that nobody has fulfilled."""
ORPHANED: Final = 3
"""The exit code of a worker whose supervisor is gone."""


@dataclass(slots=True)
class Worker:
    """The engine of a place, and what it is told to do."""

    wire: Wire
    place: Place
    pen: Pen
    engine: Engine
    crowd: SharedCrowd
    reloading: Reloading
    feeds: Feeds
    started: float = 0.0
    seconds: float = DRAIN
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _servers: list[Closable] = field(default_factory=list)
    _covered: dict[int, list[Closable]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reloaded: asyncio.Event = field(default_factory=asyncio.Event)
    _outcomes: dict[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Of the gateway."""
        return self.place.version

    @property
    def configuration(self) -> str | None:
        """The digest of the configuration as it was started with; None if there is no such file."""
        return self.place.configuration

    @property
    def is_ending(self) -> bool:
        """Whether it was told to end."""
        return self.ending.is_set()

    def standing(self) -> Mapping[str, Any]:
        """How every part that can be read again stands."""
        return self.reloading.data()

    async def reload(self) -> dict[str, Any]:
        """Only the supervisor has it done, by all."""
        raise NotImplementedError

    async def refresh_lists(self) -> dict[str, Any]:
        """Fetch every list that is fetched, and have all put in force what came."""
        came = await self.feeds.fetch_now()
        self._outcomes = Outcomes(cause="list", ended=time.time(), parts=()).data()
        if readers_of(came):
            await self._wish("list")
        return {"fetched": [each.data() for each in came], **self._outcomes}

    def end(self, seconds: float, cause: str) -> None:
        """Only the supervisor has it done, by all."""
        raise NotImplementedError(f"{cause}, {seconds}")

    async def live(self) -> None:
        """Serve until told to end."""
        spawn(self._listen(), self._tasks)
        settle(self.engine, self._said)
        if self.engine.traces is not None:
            self.engine.traces.start()
        if self.engine.counting is not None:
            await self.engine.counting.store.open()
        mine = self.place.sockets[self.place.number - 1]
        for listener, descriptors in zip(self.engine.listeners, mine, strict=True):
            for each in descriptors:
                opened = socket.socket(fileno=each)
                opened.settimeout(0.0)
                self._servers.append(await open_server(self.engine, listener, self.crowd, opened))
        self.wire.say("serving")
        self.started = time.time()
        self._look_after()
        await serve(self.engine, self._servers, self.ending, lambda: self.seconds)

    def _look_after(self) -> None:
        """The one that leads looks whether files have changed, and fetches lists; what comes of it concerns all."""
        if not self.pen.leads:
            return
        self.reloading.wish, self.reloading.leads = self._wish, True
        spawn(self.reloading.keep(), self._tasks)
        if self.place.settings.reload.watch:
            spawn(self.reloading.watch(), self._tasks)
        spawn(self.feeds.run(lambda _listeners: self._wish("list")), self._tasks)

    async def _wish(self, cause: str) -> None:
        """Have all read everything again, and wait until this one has."""
        self._reloaded.clear()
        self.wire.say("wish", cause=cause)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._reloaded.wait()

    def _said(self, sentence: str) -> None:
        self.wire.say("said", sentence=sentence)

    async def _listen(self) -> None:
        """Do what is told. Whoever tells is gone: the log is, too, and nothing may be served any more."""
        while True:
            try:
                said = await self.wire.hear()
            except Gone:
                os._exit(ORPHANED)
            match said["kind"]:
                case "order":
                    spawn(self._order(said), self._tasks)
                case "reload":
                    spawn(self._reload(said), self._tasks)
                case "lead":
                    self.pen.leads = True
                    self._look_after()
                case "cover":
                    spawn(self._cover(said["places"]), self._tasks)
                case "end":
                    self.seconds = said["seconds"]
                    self._end()

    def _end(self) -> None:
        """Accept nothing more, for whomever it was."""
        if self.ending.is_set():
            return
        self.ending.set()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel("the gateway ends")
        for each in (server for servers in self._covered.values() for server in servers):
            each.close()
        self._covered.clear()
        for number, place in enumerate(self.place.sockets, 1):
            if number != self.place.number:  # as long as anybody has one open, the kernel accepts for it
                for descriptor in chain.from_iterable(place):
                    os.close(descriptor)

    async def _order(self, said: dict[str, Any]) -> None:
        with self.pen.holding() as held:
            caller = Caller(said["uid"], said["pid"], by=said["by"])
            outcome = await carried_out(self.engine.control.verbs, caller, Order(said["do"], said["with"]))
        self.wire.say("answer", id=said["id"], done=outcome.done, refused=outcome.refused, records=held)

    async def _reload(self, said: dict[str, Any]) -> None:
        """Read everything again; the configuration as the supervisor has read it, if that is to be taken up."""
        settings, problems = said["settings"], said["problems"]

        def again() -> Settings:
            if problems is not None:
                raise Invalid(unpacked(problems))
            return share_of(unpacked(settings), self.place.number)

        self.reloading.again = None if settings is None and problems is None else again
        outcomes = await self.reloading.reload(said["cause"])
        self._outcomes = outcomes.data()
        self._reloaded.set()
        self.wire.say("answer", id=said["id"], outcomes=outcomes.data(), digests=digests(self.engine))

    async def _cover(self, places: Sequence[int]) -> None:
        """Accept what comes to the sockets of workers that are not there, and leave it to those that are back."""
        async with self._turn:
            for place in self._covered.keys() - set(places):
                for each in self._covered.pop(place):
                    each.close()
            for place in sorted(set(places) - self._covered.keys()):
                if self.ending.is_set():
                    return
                self._covered[place] = [
                    await open_server(self.engine, listener, self.crowd, socket.socket(fileno=os.dup(descriptors[0])))
                    for listener, descriptors in zip(self.engine.listeners, self.place.sockets[place - 1], strict=True)
                ]


def digests(engine: Engine) -> dict[str, str]:
    """Which policies are in force, by the names of listeners."""
    return {each.name: each.store.current.policy.digest for each in engine.listeners}


def main(argv: Sequence[str]) -> int:
    """Be a worker until told to end."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    forget_key_logs()
    return asyncio.run(_work(socket.socket(fileno=int(argv[0]))))


async def _work(end: socket.socket) -> int:
    try:
        wire = await Wire.over(end)
        place: Place = unpacked((await wire.hear())["place"])
        told = await wire.hear()
    except Gone:
        return ORPHANED
    if told["kind"] == "end":
        return 0
    worker, problems = await _prepared(wire, place, leads=told["leads"])
    if worker is None:
        wire.say("refused", problems=problems)
        await wire.writer.drain()
        return 2
    wire.say("prepared", digests=digests(worker.engine))
    try:
        if (await wire.hear())["kind"] == "serve":
            await worker.live()
    except Gone:
        return ORPHANED
    finally:
        if worker.engine.counting is not None:
            await worker.engine.counting.store.close()
        worker.engine.resolver.close()
        worker.engine.caches.close()
        if worker.engine.traces is not None:
            worker.engine.traces.close()
    return await asyncio.to_thread(_ended, worker.pen)


def _ended(pen: Pen) -> int:
    try:
        pen.close()
    except AuditUnavailable as problem:
        sys.stderr.write(f"wicketgate: {problem}\n")
        return 1
    return 0


async def _prepared(wire: Wire, place: Place, *, leads: bool) -> tuple[Worker | None, list[str]]:
    """An engine with everything that it serves by, or all that is in the way."""

    def said(sentence: str) -> None:
        wire.say("said", sentence=sentence)

    settings, began = share_of(place.settings, place.number), time.time()
    pen = Pen(WorkerLog(place.log, options_of(settings.audit)), place.number, leads=leads)
    try:
        pen.start()
        engine = compose(
            settings, shared=SharedTable.attach(place.limits, place.number - 1), log=pen, shelf=place.shelf
        )
        engine.open(said)
    except (AuditUnavailable, Unusable, OSError, ValueError) as error:
        return None, [str(error)]
    if engine.counting is not None:
        engine.counting.teller.said = said
    kept, latest = _pointed(engine, place, said), place.settings if place.latest is None else place.latest
    feeds = feeds_of(engine, said)
    problems = await load(engine, said, feeds if leads else None, last_good=place.again)
    if kept is not None:
        point_back(engine, latest)
    if problems:
        return None, problems
    if place.latest is not None:
        with suppress(Invalid, Malformed, AuditUnavailable):  # it was in force before; if not, the supervisor sees it
            take_up(engine, share_of(place.latest, place.number), "start")
    returned = None if place.again else place.returned
    reloading = Reloading(engine, said, began=began, returned=returned, leads=leads)
    if kept is not None:
        reloading.keeping.forget()
    if returned is not None and leads:
        engine.note(returned_record(returned, time.time()))
    worker = Worker(wire, place, pen, engine, place.crowd(), reloading, feeds)
    engine.control.verbs = orders(Desk(engine, worker))
    return worker, []


def _pointed(engine: Engine, place: Place, said: Callable[[str], None]) -> KeptSet | None:
    """The set that is read in the place of the files themselves, if there is one that fits."""
    kept = place.kept if place.returned is None or place.again else place.returned.kept
    latest = place.settings if place.latest is None else place.latest
    try:
        if kept is not None:
            point_at_copies(engine, latest, kept)
    except Malformed as problem:
        said(f"what is in force was not kept well, the files themselves are read: {problem}")
        point_back(engine, latest)
        return None
    return kept


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
