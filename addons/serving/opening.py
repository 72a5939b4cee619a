"""What a process does that serves: it loads what it serves by, opens its listeners, settles, serves, and drains."""

from __future__ import annotations

import asyncio
import gc
import time
from random import SystemRandom
from socket import SOCK_DGRAM
from typing import TYPE_CHECKING, Final

from addons.serving.ageing import Ageing
from addons.serving.descriptors import make_room
from addons.serving.doors import Door
from addons.serving.foundations import all_own
from addons.serving.front import Front, open_http3
from addons.serving.leaner import slim
from addons.serving.quicker import quicken
from addons.serving.starting import DRAIN
from gateway.control.feeds import Feeds, Surroundings
from gateway.policy.problems import Invalid
from gateway.upstreams.clauses import never_reached

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Sequence

    from addons.serving.composition import Engine
    from addons.serving.listeners import Closable, Listener, Room
    from gateway.control.fronts import Shopfront
    from gateway.control.store import Reloaded
    from gateway.upstreams.trust import Trust

_BACKLOG: Final = 4096
"""Connections that may wait in the kernel to be accepted."""
_AT_ONCE: Final = 16
"""Connections that are accepted in one turn of the event loop, so that a burst of them lets others have their turns."""
_TURNS: Final = 6
"""Of the event loop, until whoever was accepted last is served: it takes asyncio three, and the front another."""
_COLLECT_AFTER: Final = (4_000, 20, 50)
"""Garbage is looked for after this many new objects: a request makes hundreds, and few of them live on.

Measured: with 20,000 a client waits 15 ms for it every third of a second (p99 12 to 46 ms), with 4,000 for 3 ms (p99 3
to 5 ms), and as many requests are answered.
"""


def feeds_of(engine: Engine, said: Callable[[str], None]) -> Feeds:
    """What fetches the lists of the policies."""
    for listener in engine.listeners:
        listener.store.foresee()
    stores = {each.name: each.store for each in engine.listeners}
    around = Surroundings(
        resolver=engine.resolver,
        trust=lambda: engine.trust.current,
        own=all_own(engine.settings),
        clock=time.time,
        draw=SystemRandom().random,
        record=engine.note,
        said=said,
    )
    return Feeds(stores, engine.settings.state / "lists" / ".fetched", around)


async def load(
    engine: Engine, said: Callable[[str], None], feeds: Feeds | None = None, *, last_good: bool = False
) -> list[str]:
    """Read policies, authorities and certificates for the first time; every problem of all of them.

    Lists that were never fetched are fetched by `feeds`. With `last_good` a policy that cannot be used is no problem
    where one was in force before.
    """
    problems = _loaded([engine.trust.start], said)
    if feeds is not None and not problems:
        await feeds.fetch_missing()

    def policy(listener: Listener) -> Callable[[], Reloaded]:
        return lambda: listener.store.start(last_good=last_good)

    return problems + _loaded([*map(policy, engine.listeners), *(each.start for each in engine.fronts.values())], said)


def _loaded(starts: Iterable[Callable[[], Reloaded | Trust | Shopfront]], said: Callable[[str], None]) -> list[str]:
    problems: list[str] = []
    for start in starts:
        try:
            for notice in start().notices:
                said(notice)
        except Invalid as error:
            problems += map(str, error.problems)
    return problems


async def open_server(engine: Engine, listener: Listener, crowd: Room, opened: socket.socket) -> Closable:
    """Accept what comes to a socket that is bound."""
    if opened.type == SOCK_DGRAM:
        return await open_http3(listener, crowd, engine, engine.stage(), opened)
    front = Front(listener, crowd, engine, engine.stage())
    server = await asyncio.start_server(front.accept, sock=opened, backlog=_AT_ONCE)
    opened.listen(_BACKLOG)  # asyncio takes its own number for both
    engine.served.servers.add(server)
    return Door(server)


def settle(engine: Engine, said: Callable[[str], None]) -> None:
    """Do what is done once before a process serves, and say what the operator should know."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    quicken()
    slim()
    if too_few := make_room(engine.settings.limits.connections):
        said(too_few)
    for claim, _ in (unreached for each in engine.listeners for unreached in never_reached(each.settings.routes)):
        said(f"no request takes the route for {claim}, more specific ones leave nothing to it")
    for notice in () if engine.signing is None else engine.signing.store.notices():
        said(notice)
    engine.pools.said = said
    engine.served.chores.append(Ageing(engine.listeners, said).look)
    engine.checks.renew()


async def serve(
    engine: Engine, servers: Sequence[Closable], ending: asyncio.Event, seconds: Callable[[], float] = lambda: DRAIN
) -> None:
    """Look after connections until told to end; accept none from then on, and give those that are there `seconds`."""
    sweeping = asyncio.create_task(engine.served.sweep_for_ever())
    try:
        await ending.wait()
    finally:
        for server in servers:
            server.close()
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    await engine.served.drain(seconds())
    sweeping.cancel()
    await engine.refreshing.stop()
    await engine.checks.stop()
