"""Asking the configured name servers for a name: in their order, within one deadline, both kinds of address at once.

Every server gets its share of the time that is left; one that did not answer is set aside for a while and asked after
the others. What a server says of a name ("no such name", "no address") is final; that it cannot say is not, and the
next one is asked. Where one kind of address is known, the other is waited for a moment more, and the answer is kept for
a moment only, because half of it is missing. We ask resolvers and are none: nothing is asked at the roots.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.upstreams.lookup import NO_ADDRESS, NO_SUCH_NAME, TIMED_OUT, Found, LookupFailed
from gateway.upstreams.nameservers import datagrams
from gateway.upstreams.nameservers.connections import Connections, trusting, words_for
from gateway.upstreams.nameservers.datagrams import AskOverTcp
from gateway.upstreams.nameservers.messages import Kind, NoAnswer, Reply, absolute, question, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dns.message import QueryMessage
    from dns.name import Name

    from gateway.upstreams.nameservers.servers import NameServer

AT_ONCE: Final = 32
"""Names that are asked for at the same time; the others wait, and their time runs."""
ASIDE: Final = 30.0
"""Seconds for which a server that did not answer comes last."""
GRACE: Final = 2.5
"""Seconds that the second kind of address may come after the first: long enough to ask for it again."""
LOST: Final = 1.0
"""Seconds after which a question over UDP is taken to be lost, and asked again."""
HALF_KEPT: Final = 2.0
"""Seconds for which half an answer holds."""
_ROUNDS: Final = 2
_MOST_ALIASES: Final = 8


class NameServers:
    """Asks servers. `trust` is a file of authorities in place of the system's; `clock` is monotonic, in seconds.

    Raises ValueError if that file holds none.
    """

    def __init__(
        self,
        servers: tuple[NameServer, ...],
        trust: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers: Final = servers
        self._clock: Final = clock
        has_secrets = any(server.encrypted for server in servers)
        self._connections: Final = Connections(partial(trusting, trust) if has_secrets else None)
        self._aside: Final[dict[NameServer, float]] = {}
        self._room: Final = asyncio.Semaphore(AT_ONCE)

    async def look_up(self, name: str, seconds: float) -> Found:
        """Every address of a canonical name, IPv6 before IPv4, within so many `seconds`. Raises LookupFailed."""
        deadline = self._clock() + seconds
        asked = absolute(name)
        async with self._room:
            tasks = [asyncio.create_task(self._followed(asked, kind, deadline)) for kind in (Kind.AAAA, Kind.A)]
            try:
                await _both(tasks)
            finally:
                await _ended(tasks)
        return _together([_outcome(task) for task in tasks])

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    async def _followed(self, name: Name, kind: Kind, deadline: float) -> Reply:
        """The reply for the name that all aliases end in."""
        seen, keep = {name}, None
        while True:
            reply = await self._answered(name, kind, deadline)
            keep = _least(keep, reply.keep)
            if reply.alias is None:
                return Reply(addresses=reply.addresses, keep=keep, exists=reply.exists)
            if reply.alias in seen or len(seen) > _MOST_ALIASES:
                raise LookupFailed("its aliases do not end")
            name = reply.alias
            seen.add(name)

    async def _answered(self, name: Name, kind: Kind, deadline: float) -> Reply:
        """What the first server says that can say anything."""
        turns = [server for _ in range(_ROUNDS) for server in self._order()]
        problems: dict[str, None] = {}
        given_up: set[NameServer] = set()
        for number, server in enumerate(turns):
            if server in given_up:
                continue
            left = deadline - self._clock()
            if left <= 0:
                break
            share = left / (len(turns) - number)
            if not server.encrypted and number < len(self._servers):
                share = min(share, LOST)
            try:
                async with asyncio.timeout(share):
                    return await self._ask(server, question(name, kind, padded=server.encrypted))
            except TimeoutError:
                problems[TIMED_OUT] = None
                self._set_aside(server)
            except OSError as error:
                problems[words_for(error)] = None
                given_up.add(server)
                self._set_aside(server)
            except NoAnswer as error:
                problems[str(error)] = None
                given_up.add(server)
        raise LookupFailed("; ".join(problems) or TIMED_OUT)

    async def _ask(self, server: NameServer, asked: QueryMessage) -> Reply:
        if not server.encrypted:
            try:
                return await datagrams.ask(server, asked)
            except AskOverTcp:
                pass
        return read(asked, await self._connections.ask(server, asked.to_wire()))

    def _set_aside(self, server: NameServer) -> None:
        self._aside[server] = self._clock() + ASIDE

    def _order(self) -> list[NameServer]:
        """The servers as they are configured, those that did not answer a short time ago behind the others."""
        now = self._clock()
        return sorted(self._servers, key=lambda server: self._aside.get(server, now) > now)


async def _both(tasks: list[asyncio.Task[Reply]]) -> None:
    """Wait for both kinds; once addresses of one are known, for a moment only."""
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    has_some = any(isinstance(found := _outcome(task), Reply) and found.addresses for task in done)
    if pending:
        await asyncio.wait(pending, timeout=GRACE if has_some else None)


async def _ended(tasks: list[asyncio.Task[Reply]]) -> None:
    """Leave nothing behind."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _outcome(task: asyncio.Task[Reply]) -> Reply | LookupFailed:
    if task.cancelled():
        return LookupFailed(TIMED_OUT)
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, LookupFailed):
        return error
    raise error


def _together(outcomes: list[Reply | LookupFailed]) -> Found:
    """One answer out of both kinds. Raises LookupFailed if there is no address in them."""
    replies = [each for each in outcomes if isinstance(each, Reply)]
    addresses = tuple(address for reply in replies for address in reply.addresses)
    failures = [each for each in outcomes if isinstance(each, LookupFailed)]
    keep: float | None = None
    for reply in replies:
        if reply.addresses or not addresses:
            keep = _least(keep, reply.keep)
    if addresses:
        return Found(addresses, _least(keep, HALF_KEPT) if failures else keep)
    if not all(reply.exists for reply in replies):
        raise LookupFailed(NO_SUCH_NAME, keep)
    if failures:
        raise failures[0]
    raise LookupFailed(NO_ADDRESS, keep)


def _least(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return min(known) if known else None
