"""What is said of a request whose head came before is said again, as far as nothing but its head has a say in that.

See `addons.judging.remembered`, where it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.judging.destinations import destination_of
from addons.judging.remembered import known_request
from gateway.policy.model import Decision

if TYPE_CHECKING:
    from mitmproxy.http import Request

    from addons.judging.destinations import Destination
    from addons.judging.exchange import ConnectionState, Exchange
    from addons.judging.refusals import Refusal
    from gateway.policy.model import Facts, Pending
    from gateway.upstreams.routes import OwnRoute, Route


def first_word(exchange: Exchange, request: Request, facts: Facts) -> Decision | Pending:
    """What the gate says of a head. The same gate says the same again, unless its policy looks at the clock."""
    known, gate = known_request(request), exchange.gate
    if known is not None and known.early is not None and known.gate is gate:
        return known.early
    said = gate.request(facts)
    if known is not None and known.head is not None and gate.policy.is_timeless and not _tells_an_age(said):
        known.gate, known.early = gate, said
    return said


def _tells_an_age(said: Decision | Pending) -> bool:
    """Whether a list made the decision, which says how old it is now."""
    return isinstance(said, Decision) and said.hit is not None


def where_to(state: ConnectionState, request: Request, facts: Facts) -> Destination | Route | OwnRoute | Refusal:
    """Where a request goes. Behind a reverse listener that is the same under the same routes."""
    known = known_request(request)
    if known is None or known.head is None or state.listener.routes is None:
        return destination_of(state, facts)
    if known.goes is None:
        known.goes = destination_of(state, facts)
    return known.goes
