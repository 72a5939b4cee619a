"""The authority at work: what it may not sign for is refused before anything is signed, and it can be replaced.

A tunnel that the policy wants inspected, under a name that the authority's constraints forbid, is neither inspected
nor passed on unread: it is refused, and the record says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.policy.model import Mode, Reason, refuse

if TYPE_CHECKING:
    from addons.judging.admission import Admission
    from addons.judging.exchange import Connections
    from addons.tls.client_tls import ClientTls
    from addons.tunnels.opening import Opening
    from gateway.audit.records.events import Cause
    from gateway.control.authorities import AuthorityStore


@dataclass(slots=True)
class Signing:
    """Stands before `client_tls`, and gives it the authority that is in force in `store`."""

    connections: Connections
    admission: Admission
    client_tls: ClientTls
    store: AuthorityStore

    def tunnel_hello(self, opening: Opening) -> None:
        """Refuse what would be inspected under a name for which the authority may not sign."""
        state = self.connections.state(opening.client.id)
        if opening.treatment != "inspect" or state.mode is Mode.REVERSE:
            return
        if state.connect_host is None:
            raise LookupError("a tunnel without its host")
        objection = self.store.current.objection(str(state.connect_host), self.store.now())
        if objection is not None:
            opening.treatment = self.admission.turn_away(state, refuse(Reason.NO_CERTIFICATE, objection))

    async def reload_aside(self, cause: Cause) -> list[str]:
        """Sign with the authority that is in the folder; raises AuthorityUnusable. What the operator should hear."""
        said = await self.store.reload_aside(cause)
        if self.client_tls.authority is not self.store.current:
            self.client_tls.sign_with(self.store.current)
        return said
