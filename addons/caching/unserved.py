"""A request whose route keeps answers, when no server of its upstream is asked: none can be, or none has to be.

The gate has its last word all the same, without a destination, as for answers of the gateway's own; that is recorded.
Then the request goes its way to the cache, which gives what it keeps or refuses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from addons.judging import translate
from addons.judging.enforcing import charged, enforceable
from addons.judging.refusals import Refusal
from gateway.policy.model import ABSENT, Reason

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from addons.judging.recording import Recorder
    from addons.judging.translate import Head


async def without_server(
    exchange: Exchange, flow: HTTPFlow, head: Head, refused: Refusal | None, recorder: Recorder
) -> Refusal | None:
    """Let a request pass to the cache, or say why it may not pass. `refused` is how to refuse if nothing is kept there.

    Without it the cache has said already that it gives something.
    """
    if exchange.route is None or exchange.route.cache is None:
        return refused
    nowhere = replace(exchange.facts, destination_ips=ABSENT, destination_country=ABSENT, destination_asn=ABSENT)
    exchange.facts, exchange.unserved = nowhere, refused
    decision = await charged(enforceable(exchange.gate.upstream(nowhere)))
    if decision.allowed:
        decision = await recorder.allowed(exchange, decision)
    if decision.denied:
        return Refusal(decision)
    translate.write_head(flow, head)
    return None


async def without_name(
    exchange: Exchange, flow: HTTPFlow, head: Head, refused: Refusal, recorder: Recorder
) -> Refusal | None:
    """The same for who is refused because the name of every server is not found; all others stay refused."""
    if refused.decision.reason is not Reason.UPSTREAM_UNRESOLVED:
        return refused
    return await without_server(exchange, flow, head, refused, recorder)
