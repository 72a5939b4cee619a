"""Servers are looked at again and again, each by a small task of its own, as long as the engine serves.

They do not all look at the same moment: every wait is a little longer or shorter than the interval.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from addons.serving.tasks import spawn
from addons.upstream.probes import Unwell
from gateway.policy.model import Facts, Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from OpenSSL import SSL

    from addons.serving.listeners import Listener
    from addons.tls.upstream_tls import UpstreamTls
    from addons.upstream.pools import Fleet, Pools
    from addons.upstream.probes import Law, Probe
    from gateway.policy.addresses import Address
    from gateway.upstreams.pools.members import Member
    from gateway.upstreams.pools.rules import CheckRules

_log: Final = logging.getLogger(__name__)
_SPREAD: Final = 0.2
"""The share of an interval by which waits differ."""


@dataclass(frozen=True, slots=True)
class Senders:
    """The listeners that send requests to an upstream: what holds for these holds for looking at its servers."""

    listeners: tuple[Listener, ...]
    tls: UpstreamTls
    clock: Callable[[], float]

    def is_open(self, addresses: tuple[Address, ...]) -> bool:
        """Whether the policy of one of them leaves these addresses open, as far as they alone can say."""
        facts = Facts(now=self.clock(), destination_ips=addresses)
        return any(isinstance(each.store.current.connection(facts), Pending) for each in self.listeners)

    def towards(self, name: str) -> SSL.Connection:
        """The client's end of TLS. Whom one of them asks for a proof has to give it."""
        verify = not all(each.settings.unsafe_skip_verify for each in self.listeners)
        return self.tls.towards(name, verify=verify)


def senders_of(upstream: str, listeners: Iterable[Listener], tls: UpstreamTls, clock: Callable[[], float]) -> Senders:
    """Who sends requests to the upstream of this name."""
    sending = (each for each in listeners if each.routes is not None and upstream in each.routes.upstreams)
    return Senders(tuple(sending), tls, clock)


class HealthChecks:
    """Looks after the servers of `pools`. `law` says what holds for an upstream; `draw` gives a number in [0, 1)."""

    def __init__(self, pools: Pools, probe: Probe, law: Callable[[str], Law], draw: Callable[[], float]) -> None:
        self._pools: Final = pools
        self._probe: Final = probe
        self._law: Final = law
        self._draw: Final = draw
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._watched: Final[dict[Member, tuple[CheckRules, asyncio.Task[None]]]] = {}

    def renew(self) -> None:
        """Look after every server that is there now, as its upstream says now, and after no other."""
        wanted = {member: fleet for fleet in self._pools for member in fleet.pool.members}
        for member, (rules, task) in tuple(self._watched.items()):
            fleet = wanted.get(member)
            if fleet is None or member.is_draining or fleet.pool.rules.check != rules:
                del self._watched[member]
                task.cancel("not looked after any more")
        for member, fleet in wanted.items():
            check = fleet.pool.rules.check
            if check is not None and not member.is_draining and member not in self._watched:
                task = spawn(self._look_after(fleet, member, check), self._tasks)
                self._watched[member] = (check, task)

    async def stop(self) -> None:
        """Look after nobody any more."""
        self._watched.clear()
        for task in tuple(self._tasks):
            task.cancel("the engine ends")
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _look_after(self, fleet: Fleet, member: Member, check: CheckRules) -> None:
        law = self._law(fleet.name)
        while True:
            why = await self._trouble(member, check, law)
            member.note = why or ""
            fleet.pool.checked(member, well=why is None)
            await asyncio.sleep(check.interval * (1 + _SPREAD * (self._draw() - 0.5)))

    async def _trouble(self, member: Member, check: CheckRules, law: Law) -> str | None:
        """Why a server is not well; None if it is. A check that fails by itself says nothing good of it either."""
        try:
            await self._probe.look(member.server, check, law)
        except Unwell as unwell:
            return f"its health check failed: {unwell}"
        except Exception:  # noqa: BLE001 - whatever breaks a check must not end the looking
            _log.exception("a health check failed by itself")
            return "its health check could not be made"
        return None
