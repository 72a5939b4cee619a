"""What the gateway serves by, read again while it serves: policies, routes and upstreams, authorities, certificates.

Whoever wants a reload asks for it here. One runs at a time and all run in their order: what was read first must not be
put in force last. A part is taken up as a whole or what was in force stays, and a fault in one part keeps no other from
being read.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addons.serving.reconfiguring import take_up
from gateway.audit.records.events import configuration_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.authority.signers import AuthorityUnusable
from gateway.control.outcomes import Outcomes, PartOutcome
from gateway.control.store import Kept
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.serving.composition import Engine
    from addons.serving.listeners import Listener
    from gateway.config.settings import Settings
    from gateway.control.fronts import FrontStore
    from gateway.control.outcomes import Cause


@dataclass(slots=True)
class Reloading:
    """Reads again what `engine` serves by. `said` hears sentences for the operator.

    `again` reads the configuration once more, None if there is no such file; it raises Invalid.
    """

    engine: Engine
    said: Callable[[str], None]
    again: Callable[[], Settings] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reload(self, cause: Cause) -> Outcomes:
        """Read everything again, and say what came of it. Never raises for what was found."""
        async with self._turn:
            parts = [await self._policy(each) for each in self.engine.listeners]
            parts += await self._configuration()
            parts += await self._authorities()
            parts += [await self._front(name, store) for name, store in self.engine.fronts.items()]
            parts.append(await self._trust())
            return Outcomes(cause=cause, ended=time.time(), parts=tuple(parts))

    def _tell(self, *sentences: str) -> None:
        for each in sentences:
            self.said(each)

    async def _policy(self, listener: Listener) -> PartOutcome:
        name, store = listener.name, listener.store
        before = store.current.policy
        try:
            outcome = await store.reload_aside()
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            self._tell(f"{name}: the policy could not be read again, the old one stays in force: {error}")
            problems: tuple[str, ...] = (str(error),)
        else:
            if not isinstance(outcome, Kept):
                self._tell(f"{name}: the policy was read again ({outcome.digest})", *outcome.notices)
                return PartOutcome(
                    what="policy",
                    state="loaded",
                    listener=name,
                    name=store.current.policy.name,
                    digest=outcome.digest,
                    notices=outcome.notices,
                )
            problems = tuple(map(str, outcome.problems))
            self._tell(f"{name}: the new policy is refused, the old one stays in force", *problems)
        return PartOutcome(
            what="policy", state="kept", listener=name, name=before.name, digest=before.digest, problems=problems
        )

    async def _configuration(self) -> tuple[PartOutcome, ...]:
        """Take up routes and upstreams as the configuration says now; what else of it has changed waits."""
        if self.again is None:
            return ()
        try:
            settings = await asyncio.to_thread(self.again)
            sentences = take_up(self.engine, settings)
        except Invalid as error:
            problems = tuple(str(problem) for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            problems = (str(error),)
        else:
            self._tell(*sentences)
            return (PartOutcome(what="configuration", state="loaded", notices=tuple(sentences[1:])),)
        self._tell("the configuration is refused, routes and upstreams from before stay in force")
        with suppress(AuditUnavailable):
            refused = configuration_record(outcome="refused", problems=problems, now=time.time())
            self.engine.note(refused)
        self._tell(*problems)
        return (PartOutcome(what="configuration", state="kept", problems=problems),)

    async def _authorities(self) -> tuple[PartOutcome, ...]:
        if self.engine.signing is None:
            return ()
        try:
            sentences = await self.engine.signing.reload_aside()
        except AuthorityUnusable as error:
            problems = error.problems
            self._tell("ca: the authority cannot be read again, the old one goes on signing", *problems)
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            problems = (str(error),)
            self._tell(f"ca: the authorities could not be read again, those from before stay in force: {error}")
        else:
            self._tell(*sentences)
            return (PartOutcome(what="authorities", state="loaded", notices=tuple(sentences)),)
        return (PartOutcome(what="authorities", state="kept", problems=problems),)

    async def _front(self, name: str, store: FrontStore) -> PartOutcome:
        try:
            notices = (await store.reload_aside()).notices
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            self._tell(f"{name}: the new certificates are refused, the old ones stay in force: {error}")
            return PartOutcome(what="certificates", state="kept", listener=name, problems=_sentences(error))
        self._tell(*notices)
        return PartOutcome(what="certificates", state="loaded", listener=name, notices=notices)

    async def _trust(self) -> PartOutcome:
        try:
            notices = (await self.engine.trust.reload_aside()).notices
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            self._tell(f"upstream_tls: the files could not be read again, those from before stay in force: {error}")
            return PartOutcome(what="trust", state="kept", problems=_sentences(error))
        self._tell(*notices)
        return PartOutcome(what="trust", state="loaded", notices=notices)


def _sentences(error: Exception) -> tuple[str, ...]:
    return tuple(map(str, error.problems)) if isinstance(error, Invalid) else (str(error),)
