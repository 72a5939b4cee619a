"""What a process does that serves: it loads what it serves by, opens its listeners, settles, serves, and drains."""

from __future__ import annotations

import asyncio
import gc
from socket import SOCK_DGRAM
from typing import TYPE_CHECKING, Final

from addons.serving.descriptors import make_room
from addons.serving.front import Front, open_http3
from addons.serving.quicker import quicken
from addons.serving.starting import DRAIN
from gateway.policy.problems import Invalid
from gateway.upstreams.clauses import never_reached

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from addons.serving.composition import Engine
    from addons.serving.listeners import Closable, Listener, Room
    from gateway.control.fronts import Shopfront
    from gateway.control.store import Reloaded
    from gateway.upstreams.trust import Trust

_BACKLOG: Final = 4096
"""Connections that may wait in the kernel to be accepted."""
_AT_ONCE: Final = 16
"""Connections that are accepted in one turn of the event loop, so that a burst of them lets others have their turns."""
_COLLECT_AFTER: Final = (4_000, 20, 50)
"""Garbage is looked for after this many new objects: a request makes hundreds, and few of them live on.

Measured: with 20,000 a client waits 15 ms for it every third of a second (p99 12 to 46 ms), with 4,000 for 3 ms (p99 3
to 5 ms), and as many requests are answered.
"""


def load(engine: Engine, said: Callable[[str], None], *, last_good: bool = False) -> list[str]:
    """Read policies, authorities and certificates for the first time; every problem of all of them.

    With `last_good` a policy that cannot be used is no problem where one was in force before.
    """

    def policy(listener: Listener) -> Callable[[], Reloaded]:
        return lambda: listener.store.start(last_good=last_good)

    starts: list[Callable[[], Reloaded | Trust | Shopfront]] = [*map(policy, engine.listeners), engine.trust.start]
    starts += [each.start for each in engine.fronts.values()]
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
    return server


def settle(engine: Engine, said: Callable[[str], None]) -> None:
    """Do what is done once before a process serves, and say what the operator should know."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    quicken()
    if too_few := make_room(engine.settings.limits.connections):
        said(too_few)
    for claim, _ in (unreached for each in engine.listeners for unreached in never_reached(each.settings.routes)):
        said(f"no request takes the route for {claim}, more specific ones leave nothing to it")
    for notice in () if engine.signing is None else engine.signing.store.notices():
        said(notice)
    engine.pools.said = said
    engine.checks.renew()


async def serve(engine: Engine, servers: Sequence[Closable], ending: asyncio.Event) -> None:
    """Look after connections until told to end; accept none from then on, and let those that are there end."""
    sweeping = asyncio.create_task(engine.served.sweep_for_ever())
    await ending.wait()
    for server in servers:
        server.close()
    await engine.served.drain(DRAIN)
    sweeping.cancel()
    await engine.refreshing.stop()
    await engine.checks.stop()
