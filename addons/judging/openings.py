"""The hooks that the gateway's own layers start: what a tunnel opened with, heads and bodies that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from mitmproxy.connection import Client

    from addons.http1.client_side import UnreadableHead
    from addons.judging.admission import Admission
    from addons.judging.exchange import Connections
    from addons.tunnels.opening import Opening


class Openings:
    """Asks admission, and gives its answers to the layers."""

    def __init__(self, admission: Admission, connections: Connections) -> None:
        self._admission: Final = admission
        self._connections: Final = connections
        self._spliced: Final[dict[str, Opening]] = {}

    async def tunnel_hello(self, opening: Opening) -> None:
        """A tunnel opened with TLS: it is inspected, spliced or refused."""
        if opening.hello is None:
            raise LookupError("a hello without its words")
        state = self._connections.state(opening.client.id)
        if state.treatment != "refuse":
            self._treat(opening, await self._admission.hello(state, opening.hello))

    async def tunnel_raw(self, opening: Opening) -> None:
        """A tunnel opened with something else: it is passed on unread only if the policy allows that."""
        state = self._connections.state(opening.client.id)
        if state.treatment != "refuse":
            self._treat(opening, await self._admission.raw(state))

    def _treat(self, opening: Opening, treatment: Literal["inspect", "splice", "refuse"]) -> None:
        tunnel = self._connections.state(opening.client.id).tunnel
        if tunnel is not None:
            opening.endpoint, opening.through_parent = tunnel.endpoint, tunnel.parent is not None
        opening.treatment = treatment
        if treatment == "splice":
            self._spliced[opening.client.id] = opening

    def tunnel_broken(self, opening: Opening) -> None:
        """A tunnel that cannot be judged ends, and is recorded."""
        if opening.problem is None:
            raise LookupError("a broken tunnel without its problem")
        state = self._connections.state(opening.client.id)
        self._admission.turn_away(state, refuse(opening.problem))

    def unreadable_head(self, head: UnreadableHead) -> None:
        """A head that could not be read is answered in words of ours, and is recorded."""
        if head.is_answered:
            head.response = self._admission.refused_head(head.client, head.decision)
        else:
            self._admission.refused_connection(head.client, head.decision)

    def unreadable_body(self, client: Client) -> None:
        """A body that could not be read ends what it belongs to; the record says why."""
        for exchange in self._connections.state(client.id).exchanges:
            if exchange.outcome is None:
                exchange.outcome = refuse(Reason.MALFORMED_REQUEST, "The body is not framed as it says.")

    def client_disconnected(self, client: Client) -> None:
        """What passed through a spliced tunnel was counted below; its record wants to know."""
        opening, state = self._spliced.pop(client.id, None), self._connections.find(client.id)
        if opening is not None and state is not None and state.tunnel is not None:
            state.tunnel.up, state.tunnel.down = opening.up, opening.down
