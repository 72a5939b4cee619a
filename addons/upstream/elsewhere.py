"""Trying again: a request that a server failed goes to another, as long as nothing of an answer has left the gateway.

The gate's decision stays the one that was made and recorded; the other server's addresses are judged by the same
policy before they are dialled, and nothing is charged a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.judging import tracing
from addons.judging.destinations import located
from addons.judging.enforcing import enforceable
from addons.judging.exchange import exchange_of
from addons.upstream import dialing
from gateway.policy.model import UNKNOWN, PinAddress, Reason
from gateway.upstreams.pools.pool import Outcome
from gateway.upstreams.pools.retries import Failure, is_repeatable
from gateway.upstreams.resolver import Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from addons.judging.destinations import Destination
    from addons.judging.exchange import Exchange
    from addons.streams.retrying import Attempted
    from addons.upstream.dialing import Turns
    from addons.upstream.pools import Pools
    from gateway.lists.geography import Geography
    from gateway.policy.addresses import Address
    from gateway.policy.model import Decision, Obligation
    from gateway.upstreams.resolver import Resolver

TOTAL: Final = 60.0
"""Seconds after the beginning of an exchange in which it may still be tried again."""

_NOT_THEIR_FAULT: Final = frozenset({Reason.CAPACITY, Reason.INTERNAL_ERROR, Reason.AUDIT_UNAVAILABLE})


class Elsewhere:
    """The hook that finds another server. `timer` is a monotonic clock, in seconds."""

    def __init__(
        self, pools: Pools, resolver: Resolver, turns: Turns, geography: Geography, timer: Callable[[], float]
    ) -> None:
        self._pools: Final = pools
        self._resolver: Final = resolver
        self._turns: Final = turns
        self._geography: Final = geography
        self._timer: Final = timer

    async def upstream_failed(self, attempted: Attempted) -> None:
        """Send the request elsewhere, if it may be done twice and there is somebody who may get it."""
        exchange = exchange_of(attempted.flow)
        if exchange is None or not self._is_worth_it(exchange, attempted):
            return
        reason = _reason(exchange, attempted.failure)
        while (destination := self._pools.another(exchange, reason)) is not None:
            try:
                addresses = await self._addresses(exchange, destination)
            except Unresolved:
                reason = Reason.UPSTREAM_UNRESOLVED
                continue
            attempted.again = not exchange.ended and self._redirect(attempted.flow, exchange, destination, addresses)
            break
        if not attempted.again and exchange.place is not None and destination is not None:
            exchange.place.end(Outcome.UNTOLD)

    def _is_worth_it(self, exchange: Exchange, attempted: Attempted) -> bool:
        if exchange.ended or not exchange.admitted or self._timer() - exchange.started > TOTAL:
            return False
        if exchange.outcome is not None:
            reason = exchange.outcome.reason
            if reason in _NOT_THEIR_FAULT or attempted.failure is not Failure.NOT_REACHED:
                return False  # what was decided of an exchange that had begun stands: too late, too large
        return is_repeatable(attempted.failure, attempted.flow.request.method, body_begun=attempted.body_begun)

    async def _addresses(self, exchange: Exchange, destination: Destination) -> tuple[Address, ...]:
        standing = exchange.connection.reached_at(destination.endpoint)
        return standing or await self._resolver.resolve(destination.host)

    def _redirect(
        self, flow: HTTPFlow, exchange: Exchange, destination: Destination, addresses: tuple[Address, ...]
    ) -> bool:
        """Aim a request at another server, unless the policy says otherwise there.

        What the policy obliges to has been done already, so that it has to be the same there.
        """
        facts = located(exchange.facts, addresses, exchange.gate, self._geography)
        decision, before = enforceable(exchange.gate.elsewhere(facts)), exchange.decision
        pinned = dialing.pinned(decision, addresses)
        if decision.denied or not pinned or before is None or _edits(decision) != _edits(before):
            return False
        exchange.facts, exchange.endpoint = facts, destination.endpoint
        exchange.judged = self._turns.addresses(destination.endpoint, pinned)
        exchange.outcome = exchange.status = exchange.reached = None
        exchange.kind = UNKNOWN
        dialing.aim(flow, destination.scheme, destination.endpoint)
        if exchange.trace is not None:
            flow.request.headers.fields = tracing.retold(exchange.trace, flow.request.headers.fields)
        return True


def _edits(decision: Decision) -> list[Obligation]:
    return [each for each in decision.obligations if not isinstance(each, PinAddress)]


def _reason(exchange: Exchange, failure: Failure) -> Reason:
    if failure is Failure.NOT_REACHED:
        return Reason.UPSTREAM_REFUSED if exchange.outcome is None else exchange.outcome.reason
    return Reason.UPSTREAM_BROKEN if failure is Failure.BROKEN_OFF else Reason.UPSTREAM_UNAVAILABLE
