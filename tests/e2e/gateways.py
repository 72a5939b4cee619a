"""The gateway as it runs, in a thread of the test, so that a test may put addons of its own in front of the others."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from addons.connections.bounds import Bounds, Patience
from addons.serving.composition import Engine, compose
from addons.serving.front import Front, open_http3
from addons.serving.listeners import Closable, Crowd, open_datagrams, open_socket
from gateway.audit.reading.reader import records
from gateway.config.endpoints import parse_server
from gateway.config.settings import (
    LimitSettings,
    ListenerSettings,
    ResolverSettings,
    RouteSettings,
    Settings,
    UpstreamSettings,
    UpstreamTlsSettings,
)
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.commands import STARTING, free_port, rest_of
from tests.e2e.origin import HELLO, Origin, origin
from tests.e2e.sabotage import Impatient, Saboteur
from tests.e2e.trail import check_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mitmproxy.http import HTTPFlow, Response

    from gateway.config.settings import Entry, ParentRule, ParentSettings


LOOPBACK: Final = Address.parse("127.0.0.1")
PATIENCE: Final = 15.0

OPEN: Final = """
version: 1
name: open
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [443, {port}]
{more}
"""
"""A policy that allows everything, loopback too, and tunnels to one port of an origin."""


@dataclass(kw_only=True)
class Scenery:
    """What a gateway of a test is made of.

    Tunnels may go to the port of the origin and to `more_ports`. `first` and `last` are addons around the gateway's
    own; `checked` says that every record is held against the schema at the end; `failures` hears of every hook or
    layer that failed, with the name of the exception, `said` what the operator is told of caches.
    """

    folder: Path
    origin: int
    more_ports: tuple[int, ...] = ()
    policy: str = ""
    scheme: str = "http"
    trust: Path | None = None
    first: tuple[object, ...] = ()
    last: tuple[object, ...] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)
    bounds: Bounds | None = None
    entry: Entry = "proxy"
    routes: tuple[RouteSettings, ...] = (RouteSettings(upstream="app"),)
    rules: PoolRules = field(default_factory=PoolRules)
    parents: tuple[ParentSettings, ...] = ()
    parent: tuple[ParentRule, ...] = ()
    checked: bool = True
    failures: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def settings(self) -> Settings:
        """A forward and a reverse listener on free ports, both in front of the origin."""
        policy = self.folder / "policy.yaml"
        ports = ", ".join(map(str, (self.origin, *self.more_ports)))
        policy.write_text(OPEN.format(port=ports, more=self.policy), encoding="utf-8")
        forward = ListenerSettings(
            name="forward",
            mode=Mode.FORWARD,
            bind=(LOOPBACK, free_port()),
            policy=policy,
            entry=self.entry,
            parent=self.parent,
        )
        reverse = ListenerSettings(
            name="reverse",
            mode=Mode.REVERSE,
            bind=(LOOPBACK, free_port()),
            policy=policy,
            routes=self.routes,
        )
        server = parse_server(f"{self.scheme}://origin.example:{self.origin}")
        return Settings(
            listeners=(forward, reverse),
            state=self.folder / "state",
            upstreams={"app": UpstreamSettings(name="app", servers=(server,), rules=self.rules)},
            parents={each.name: each for each in self.parents},
            limits=self.limits,
            upstream_tls=UpstreamTlsSettings() if self.trust is None else UpstreamTlsSettings(trust=(self.trust,)),
            resolver=ResolverSettings(
                hosts=dict.fromkeys(("origin.example", "other.example", ".many.example"), (LOOPBACK,))
            ),
        )


@dataclass
class Running:
    """A gateway that runs: its ports, its folder, and what it is made of."""

    forward: int
    reverse: int
    folder: Path
    engine: Engine
    loop: asyncio.AbstractEventLoop

    def records(self) -> list[dict[str, Any]]:
        """Everything that was recorded so far; what was accepted gets a moment to reach the disk."""
        rest_of(lambda: self.engine.writer.waiting)
        return [dict(record) for record in records(self.folder / "state" / "audit")]

    def exchanges(self) -> list[tuple[object, ...]]:
        """Of every record of an exchange what a test asks first: verdict and reason, or status, up and down."""
        found: list[tuple[object, ...]] = []
        for record in self.records():
            match record:
                case {"event": "decision", "decision": {"verdict": verdict, "reason": reason}}:
                    found.append((verdict, reason))
                case {"event": "end", "status": status}:
                    found.append(("end", status))
        return found

    def call[T](self, function: Callable[[], T]) -> T:
        """Call something in the gateway's own thread."""

        async def inside() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(inside(), self.loop).result(PATIENCE)


@contextmanager
def serving(scenery: Scenery) -> Iterator[Running]:
    """Serve within this block; what was recorded is on the disk behind it."""
    with served(scenery, compose(scenery.settings())) as running:
        yield running


@contextmanager
def served(scenery: Scenery, engine: Engine) -> Iterator[Running]:
    """Serve with an engine that was put together elsewhere, under the scenery's bounds."""
    engine.writer.start()
    engine.open(scenery.said.append)
    for listener in engine.listeners:
        listener.store.start()
    engine.trust.start()
    for front in engine.fronts.values():
        front.start()
    engine = replace(engine, addons=(*scenery.first, *engine.addons, *scenery.last))
    loop, ready, end = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(engine, scenery, ready, end),))
    thread.start()
    try:
        assert ready.wait(STARTING)
        ports = [listener.settings.bind[1] for listener in engine.listeners]
        yield Running(ports[0], ports[1], scenery.folder, engine, loop)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE)
        loop.close()
        engine.resolver.close()
        engine.caches.close()
        engine.writer.close()
        if scenery.checked:
            check_records(scenery.folder / "state" / "audit")


async def _serve(engine: Engine, scenery: Scenery, ready: threading.Event, end: asyncio.Event) -> None:
    crowd, stage = Crowd(engine.settings.limits), engine.stage()
    told, answered = stage.failed, stage.unjudged

    def failed(client_id: str, place: str, error: BaseException) -> None:
        scenery.failures.append((place, type(error).__name__))
        told(client_id, place, error)

    def unjudged(flow: HTTPFlow, place: str, error: BaseException) -> Response:
        scenery.failures.append((place, type(error).__name__))
        return answered(flow, place, error)

    stage = replace(stage, failed=failed, unjudged=unjudged)
    if any(isinstance(each, Saboteur) for each in engine.addons):
        stage = replace(stage, dispatch=Impatient(engine.addons))
    if scenery.bounds is not None:
        stage = replace(stage, bounds=scenery.bounds)
    servers: list[Closable] = [
        await asyncio.start_server(
            Front(each, crowd, engine, stage).accept, sock=open_socket(*each.settings.bind), backlog=128
        )
        for each in engine.listeners
    ]
    servers += [
        await open_http3(each, crowd, engine, stage, open_datagrams(*each.settings.bind))
        for each in engine.listeners
        if each.settings.http3
    ]
    sweeping = asyncio.create_task(engine.served.sweep_for_ever(0.05))
    engine.checks.renew()
    ready.set()
    await end.wait()
    for server in servers:
        server.close()
    await engine.served.drain(0.5)
    await engine.refreshing.stop()
    await engine.checks.stop()
    sweeping.cancel()
    with suppress(asyncio.CancelledError):
        await sweeping
    for _ in range(200):
        if len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0.02)


REFUSING: Final = """
rules:
  - {id: no-uploads, action: deny, reason: nobody uploads here, when: {path: {prefix: [/refused]}}}
"""


@dataclass
class Wire:
    """A gateway with short patience in front of an origin, shared by the tests of a module."""

    gateway: Running
    origin: Origin

    def fresh(self) -> Wire:
        """The same, as if nothing had happened yet."""
        self.origin.visits.clear()
        self.origin.answer, self.origin.serve = HELLO, None
        return self


@contextmanager
def wired(folder: Path) -> Iterator[Wire]:
    """Serve a gateway that refuses `/refused` and nothing else, within this block."""
    bounds = Bounds(head=8192, ahead=16384, patience=Patience(idle=3, head=0.4, exchange=0.8))
    with origin() as served:
        scenery = Scenery(folder=folder, origin=served.port, policy=REFUSING, bounds=bounds)
        with serving(scenery) as gateway:
            yield Wire(gateway, served)
