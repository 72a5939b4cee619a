"""What stays open for long is judged again when its listener's policy was replaced: tunnels, WebSockets, long answers.

They were let through once and would be asked nothing any more. So whoever still stands under another policy than the
one in force is judged under that one: with the facts that it was let through with, and the time of now; no limit is
charged again. What is refused is ended, and its record says by which rule. Nothing has to tell us that a policy was
replaced: an exchange knows under which it stands, so that none is missed that was let through in the same moment.

A request ends under the policy that it began with, unless its body or its answer goes on and on: uploads, event
streams, calls of gRPC and large downloads that have lasted for a while stand like a tunnel. A request that has been
sent whole and only waits for its answer is left alone: its server may have done what it asks for. Of several streams,
only those that are refused end.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from addons.judging.destinations import located
from gateway.policy.model import ABSENT, UNKNOWN, Missing, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.judging.exchange import Connections, Exchange
    from gateway.lists.geography import Geography
    from gateway.policy.gate import Gate
    from gateway.policy.model import Decision, Facts

_log: Final = logging.getLogger(__name__)
_AT_ONCE: Final = 50
"""How many are judged before others get their turn."""
_SWITCHED: Final = 101
LONG: Final = 2.0
"""Seconds after which an exchange whose answer is under way is no passing matter any more."""


class Standing:
    """Looks after what is open. `end` closes a client's connection at once, `clock` gives seconds since the epoch."""

    def __init__(
        self, connections: Connections, geography: Geography, *, end: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._connections: Final = connections
        self._geography: Final = geography
        self._end: Final = end
        self._clock: Final = clock

    async def look(self) -> None:
        """Judge whatever stands under a policy that is no longer in force, and end what is refused."""
        judged, begun_by = 0, self._connections.timer() - LONG
        for state in self._connections:
            for exchange in tuple(state.exchanges):
                gate = state.listener.store.current
                if exchange.gate is not gate and _stays_open(exchange, begun_by):
                    self._look_at(exchange, gate)
                    judged += 1
                    if judged % _AT_ONCE == 0:
                        await asyncio.sleep(0)

    def _look_at(self, exchange: Exchange, gate: Gate) -> None:
        try:
            decision = self._judge(exchange, gate)
        except Exception:  # noqa: BLE001 - what cannot be judged cannot stay
            _log.exception("an open exchange could not be judged again")
            decision = refuse(Reason.INTERNAL_ERROR, "It could not be judged again.")
        exchange.gate = gate
        if decision is not None:
            exchange.outcome = decision
            if _is_alone(exchange):
                self._end(exchange.connection.id)  # others are ended by whoever looks after their connection

    def _judge(self, exchange: Exchange, gate: Gate) -> Decision | None:
        """Why an exchange may not stay, or None."""
        facts = self._facts(exchange.facts if exchange.answered is None else exchange.answered, gate)
        if facts.protocol == "tcp":
            decision = gate.standing(facts)
        elif exchange.answered is None and facts.protocol != "websocket":
            decision = gate.elsewhere(facts)
        else:
            decision = gate.response(_switched(facts) if facts.protocol == "websocket" else facts)
        return replace(decision, reason=Reason.POLICY_CHANGED) if decision.denied else None

    def _facts(self, facts: Facts, gate: Gate) -> Facts:
        """What is recorded, at the time of now, and where it goes on the map of this policy."""
        addresses = () if isinstance(facts.destination_ips, Missing) else facts.destination_ips
        facts = replace(facts, now=self._clock(), destination_country=UNKNOWN, destination_asn=UNKNOWN)
        return located(facts, addresses, gate, self._geography)


def _stays_open(exchange: Exchange, begun_by: float) -> bool:
    """Whether it was let through and is neither over nor about to be."""
    if not exchange.admitted or exchange.ended or exchange.outcome is not None:
        return False
    if exchange.facts.protocol == "websocket":
        return exchange.status == _SWITCHED
    is_under_way = exchange.answered is not None or not exchange.request_done
    return exchange.facts.protocol == "tcp" or (is_under_way and exchange.started <= begun_by)


def _is_alone(exchange: Exchange) -> bool:
    """Whether it is all that its connection carries: a tunnel, or a WebSocket."""
    return exchange.facts.protocol in {"tcp", "websocket"}


def _switched(facts: Facts) -> Facts:
    """The facts with the answer that makes a request a WebSocket: it has a status and no end that could be measured."""
    return replace(facts, response_status=_SWITCHED, response_size=UNKNOWN, response_type=ABSENT)
