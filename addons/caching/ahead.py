"""The cache is asked before a server is chosen: what is kept is given without a place at any server.

So a kept answer waits in no line, counts for no server, and is given while every server is down. Nothing of this has
an effect that a client could see: the gate still has its last word on every request, and its limits are charged then.
Only where the policy asks where a request goes, which nobody knows before a server is chosen, a server is chosen first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from addons.caching.attempts import Attempt, attach, attempt_of
from addons.caching.flights import Landing
from addons.caching.questions import asked_of, is_for_cache
from addons.judging import translate
from addons.judging.enforcing import enforceable
from gateway.cache.cache import Plan, Step
from gateway.cache.status import CacheStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from addons.caching.planning import Planner
    from addons.judging.exchange import Exchange
    from addons.judging.translate import Head
    from addons.passing.fields import FieldKeeper
    from gateway.cache.caches import Caches
    from gateway.upstreams.routes import Route

SENT: Final = frozenset({Step.FORWARD, Step.VALIDATE, Step.PASS})
"""The steps that need a server."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Finds out what a request needs. `keeper` knows what it would be sent with; `clock` gives seconds since the epoch.

    What the origin would be sent is what an answer is found by, so that the fields of the policy stand in it already.
    """

    caches: Caches
    planner: Planner
    keeper: FieldKeeper
    clock: Callable[[], float]

    async def needs_server(self, exchange: Exchange, flow: HTTPFlow, head: Head, route: Route) -> bool:
        """Whether a server has to be chosen; if not, the flow has its plan, which gives what is kept."""
        if route.cache is None or exchange.gate.policy.needs_destination:
            return True
        cache = self.caches.of(exchange.connection.listener.name, route.cache)
        decision = enforceable(exchange.gate.elsewhere(exchange.facts))
        if decision.denied:
            return True
        translate.write_head(flow, head)
        asked = asked_of(exchange, self.keeper.completed(exchange, flow.request, decision))
        attempt = Attempt(cache, asked, self.clock())
        attach(flow, attempt)
        attempt.plan = await plan_for(exchange, attempt, self.planner)
        return attempt.plan.step in SENT

    def give_up(self, flow: HTTPFlow) -> None:
        """The request is refused after all: nobody waits for what it would have brought."""
        attempt = attempt_of(flow)
        if attempt is not None:
            self.planner.land(attempt, Landing.LOST)


async def plan_for(exchange: Exchange, attempt: Attempt, planner: Planner) -> Plan:
    """What to do for a request, after waiting for whoever is on the way already; it passes if it is not for a cache."""
    if is_for_cache(exchange, attempt.asked):
        return await planner.plan(attempt, exchange.connection.id)
    return Plan(Step.PASS, CacheStatus(forwarded="bypass"))
