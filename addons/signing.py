"""The authority at work: what it may not sign for is refused before anything is signed, and it can be replaced.

A tunnel that the policy wants inspected, under a name that the authority's constraints forbid, is neither inspected
nor passed on unread: it is refused, and the record says why.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.authority.constraints import Constraints
from gateway.authority.keeping import load, load_or_make
from gateway.authority.making import planned
from gateway.authority.signers import AuthorityUnusable
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from addons.admission import Admission
    from addons.client_tls import ClientTls
    from addons.exchange import Connections
    from addons.tunnels import Opening
    from gateway.authority.making import Plan
    from gateway.authority.signers import Authority
    from gateway.config.settings import AuthoritySettings

_SOON: Final = dt.timedelta(days=60)
"""An authority that expires sooner is spoken of: its successor has to be installed by everybody meanwhile."""


def plan_of(settings: AuthoritySettings) -> Plan:
    """What the settings say of an authority, for the one that makes it."""
    return planned(settings.name, settings.permitted, settings.excluded, settings.lifetime)


def open_authority(folder: Path, settings: AuthoritySettings) -> Authority:
    """The authority that signs, made now if there is none. Raises AuthorityUnusable."""
    return load_or_make(folder, plan_of(settings))


@dataclass(slots=True)
class Signing:
    """Stands before `client_tls` and gives it the authority in `folder`. `clock` gives seconds since the epoch."""

    connections: Connections
    admission: Admission
    client_tls: ClientTls
    folder: Path
    settings: AuthoritySettings
    clock: Callable[[], float]

    def tunnel_hello(self, opening: Opening) -> None:
        """Refuse what would be inspected under a name for which the authority may not sign."""
        if opening.treatment != "inspect":
            return
        state = self.connections.state(opening.client.id)
        if state.connect_host is None:
            raise LookupError("a tunnel without its host")
        objection = self.client_tls.authority.objection(str(state.connect_host), self._now())
        if objection is not None:
            opening.treatment = self.admission.turn_away(state, refuse(Reason.NO_CERTIFICATE, objection))

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock(), dt.UTC)

    def notices(self) -> Iterator[str]:
        """What the operator should know of the authority that signs."""
        authority = self.client_tls.authority
        if authority.not_after - self._now() < _SOON:
            yield (
                f"ca: the authority expires on {authority.not_after:%Y-%m-%d}, "
                "make the next one in time: `wicketgate ca rotate`"
            )
        wanted = plan_of(self.settings).constraints
        if wanted not in (Constraints(), Constraints.of(authority.certificate)):
            yield (
                "ca: the certificate of the authority does not carry the constraints of the configuration; the gateway "
                "keeps them all the same, and `wicketgate ca rotate --config FILE` makes an authority that carries them"
            )

    async def reread(self) -> list[str]:
        """Sign with the authority that is in the folder now; one that cannot be used changes nothing. What to say."""
        try:
            authority = await asyncio.to_thread(load, self.folder, plan_of(self.settings))
        except AuthorityUnusable as error:
            return ["ca: the authority cannot be read again, the old one goes on signing", *error.problems]
        if authority.certificate == self.client_tls.authority.certificate:
            return []
        self.client_tls.sign_with(authority)
        return [f"ca: another authority signs from now on ({authority.fingerprint} SHA-256)", *self.notices()]
