"""What the gateway serves by, read again while it serves: policies, routes and upstreams, authorities, certificates.

Whoever wants a reload asks for it here: a signal, an operator's order, a file that has changed, a list that was
fetched. One runs at a time and all run in their order: what was read first must not be put in force last. A part is
taken up as a whole or what was in force stays, and a fault in one part keeps no other from being read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from addons.serving.keeping import Keeping
from addons.serving.reconfiguring import point_at, take_up
from gateway.audit.records.events import configuration_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.authority.signers import AuthorityUnusable
from gateway.control.outcomes import Ledger, Outcomes, PartOutcome
from gateway.control.store import Kept
from gateway.control.watching import EVERY, Watch
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from addons.serving.composition import Engine
    from addons.serving.listeners import Listener
    from gateway.audit.records.events import Cause
    from gateway.config.settings import Settings
    from gateway.control.outcomes import What
    from gateway.control.returning import Returned
    from gateway.control.store import PolicyStore

type Part = tuple[What, str | None]
"""What can be read by itself: a part, and its listener if it belongs to one."""

CONFIGURATION: Final[Part] = ("configuration", None)
AUTHORITIES: Final[Part] = ("authorities", None)
TRUST: Final[Part] = ("trust", None)
_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Reloading:
    """Reads again what `engine` serves by, which was started. `said` hears sentences for the operator.

    `again` reads the configuration once more, None if there is no such file; it raises Invalid. `ledger` says how every
    part stands; `began` is when the first file was read, in seconds since the epoch. A worker has a `wish`: others
    reload with it, and somebody else says when. `returned` is what it was started with, if not the present files.
    """

    engine: Engine
    said: Callable[[str], None]
    again: Callable[[], Settings] | None = None
    ledger: Ledger = field(default_factory=Ledger)
    began: float = field(default_factory=time.time)
    wish: Callable[[Cause], Awaitable[None]] | None = None
    returned: Returned | None = None
    leads: bool = True
    keeping: Keeping = field(init=False)
    _watch: Watch[Part] = field(init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self._settings = self.engine.settings
        self._watch = Watch(self.files, self._settings.reload.settle, time.time, self.began)
        started = [part for each in self.engine.listeners for part in _in_force(each.name, each.store)]
        written = self._settings.written
        if written is not None:
            started.append(PartOutcome(what="configuration", state="loaded", digest=written.digest))
        started += [
            PartOutcome(what=what, state="loaded", listener=name)
            for what, name in self._parts
            if what in {"authorities", "certificates", "trust"}
        ]
        self.keeping = Keeping(self._settings, self.said)
        if self.returned is None:
            self.keeping.note(started, self.began, self._settings)
        else:
            started = [_as_kept(each, self.returned) for each in started]
        self.ledger.note(Outcomes(cause="start", ended=time.time(), parts=tuple(started)))

    async def reload(self, cause: Cause, only: frozenset[Part] | None = None) -> Outcomes:
        """Read everything again, or `only` these parts, and say what came of it. Never raises for what was found."""
        async with self._turn:
            wanted, began = set(self._parts if only is None else only), time.time()
            await asyncio.to_thread(self._watch.note, wanted)
            parts: list[PartOutcome] = []
            if CONFIGURATION in wanted:
                parts += await self._configuration(cause, wanted)
            for each in self.engine.listeners:
                if ("policy", each.name) in wanted:
                    parts += await self._policy(each, cause)
            if AUTHORITIES in wanted:
                parts.append(await self._authorities(cause))
            for name in self.engine.fronts:
                if ("certificates", name) in wanted:
                    parts.append(await self._front(name, cause))
            if TRUST in wanted:
                parts.append(await self._trust(cause))
            await asyncio.to_thread(self._watch.learn, wanted)
            outcomes = Outcomes(cause=cause, ended=time.time(), parts=tuple(parts))
            self.keeping.note(parts, began, self._settings)
            self.ledger.note(outcomes)
            await self.keep()
        await self.engine.standing.look()
        return outcomes

    async def keep(self) -> None:
        """Keep what is in force for a later start; of several workers one does."""
        if self.leads:
            await self.keeping.keep(self.files(), self._settings)

    async def watch(self) -> None:
        """Reload whatever has changed on the disk, for ever. It costs the gateway nothing but a thread now and then."""
        await asyncio.to_thread(self._watch.changed)
        while True:
            await asyncio.sleep(EVERY)
            try:
                changed = await asyncio.to_thread(self._watch.changed)
                if changed:
                    only = None if self.returned is not None and self._is_behind else changed
                    await (self.reload("file", only) if self.wish is None else self.wish("file"))
            except Exception:  # noqa: BLE001 - whoever watches goes on watching
                _log.exception("what has changed could not be read again")

    @property
    def _is_behind(self) -> bool:
        """Whether something is not in force as it is written; what is well of the rest may not have been read yet."""
        return any(each.kept_since is not None for each in self.ledger)

    def files(self) -> dict[Part, Sequence[Path]]:
        """The files that each part is read from."""
        engine = self.engine
        found: dict[Part, Sequence[Path]] = {("policy", each.name): each.store.needs.files for each in engine.listeners}
        found |= {("certificates", name): store.files for name, store in engine.fronts.items()}
        found[TRUST] = engine.trust.files
        if engine.signing is not None:
            found[AUTHORITIES] = engine.signing.store.files
        if self.again is not None and self._settings.written is not None:
            bodies = (route.body for each in self._settings.listeners for route in each.routes)
            found[CONFIGURATION] = (self._settings.written.file, *(each for each in bodies if each is not None))
        return found

    @property
    def _parts(self) -> list[Part]:
        """Everything that can be read, in the order in which it is."""
        engine = self.engine
        return [
            *([] if self.again is None else [CONFIGURATION]),
            *(("policy", each.name) for each in engine.listeners),
            *([] if engine.signing is None else [AUTHORITIES]),
            *(("certificates", name) for name in engine.fronts),
            TRUST,
        ]

    def _tell(self, *sentences: str) -> None:
        for each in sentences:
            self.said(each)

    async def _policy(self, listener: Listener, cause: Cause) -> list[PartOutcome]:
        name, store = listener.name, listener.store
        try:
            outcome = await store.reload_aside(cause)
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            self._tell(f"{name}: the policy could not be read again, the old one stays in force: {error}")
            problems: tuple[str, ...] = (str(error),)
        else:
            if not isinstance(outcome, Kept):
                self._tell(f"{name}: the policy was read again ({outcome.digest})", *outcome.notices)
                return _in_force(name, store, outcome.notices)
            problems = tuple(map(str, outcome.problems))
            self._tell(f"{name}: the new policy is refused, the old one stays in force", *problems)
        policy = store.current.policy
        return [
            PartOutcome(
                what="policy",
                state="kept",
                listener=name,
                name=policy.name,
                digest=policy.digest,
                problems=problems,
            )
        ]

    async def _configuration(self, cause: Cause, wanted: set[Part]) -> tuple[PartOutcome, ...]:
        """Take up routes and upstreams as the configuration says now; what else of it has changed waits.

        Where a policy or certificates lie elsewhere from now on, they are `wanted`, too.
        """
        if self.again is None:
            return ()
        try:
            settings = await asyncio.to_thread(self.again)
            sentences = take_up(self.engine, settings, cause)
        except Invalid as error:
            problems = tuple(str(problem) for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            problems = (str(error),)
        else:
            self._settings = settings
            wanted |= point_at(self.engine, settings)
            self._tell(*sentences)
            return (
                PartOutcome(
                    what="configuration", state="loaded", digest=_digest(settings), notices=tuple(sentences[1:])
                ),
            )
        self._tell("the configuration is refused, routes and upstreams from before stay in force")
        with suppress(AuditUnavailable):
            refused = configuration_record(outcome="refused", problems=problems, now=time.time(), cause=cause)
            self.engine.note(refused)
        self._tell(*problems)
        before = _digest(self._settings)
        return (PartOutcome(what="configuration", state="kept", digest=before, problems=problems),)

    async def _authorities(self, cause: Cause) -> PartOutcome:
        if self.engine.signing is None:
            raise LookupError("there is no authority to read again")
        try:
            sentences = await self.engine.signing.reload_aside(cause)
        except AuthorityUnusable as error:
            problems = error.problems
            self._tell("ca: the authority cannot be read again, the old one goes on signing", *problems)
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            problems = (str(error),)
            self._tell(f"ca: the authorities could not be read again, those from before stay in force: {error}")
        else:
            self._tell(*sentences)
            return PartOutcome(what="authorities", state="loaded", notices=tuple(sentences))
        return PartOutcome(what="authorities", state="kept", problems=problems)

    async def _front(self, name: str, cause: Cause) -> PartOutcome:
        async def read() -> tuple[str, ...]:
            return (await self.engine.fronts[name].reload_aside(cause)).notices

        refused = f"{name}: the new certificates are refused, the old ones stay in force"
        return await self._files_read("certificates", name, read, refused)

    async def _trust(self, cause: Cause) -> PartOutcome:
        async def read() -> tuple[str, ...]:
            return (await self.engine.trust.reload_aside(cause)).notices

        refused = "upstream_tls: the files could not be read again, those from before stay in force"
        return await self._files_read("trust", None, read, refused)

    async def _files_read(
        self, what: What, listener: str | None, read: Callable[[], Awaitable[tuple[str, ...]]], refused: str
    ) -> PartOutcome:
        try:
            notices = await read()
        except Exception as error:  # noqa: BLE001 - whatever failed, what is in force stays in force
            self._tell(f"{refused}: {error}")
            problems = tuple(map(str, error.problems)) if isinstance(error, Invalid) else (str(error),)
            return PartOutcome(what=what, state="kept", listener=listener, problems=problems)
        self._tell(*notices)
        return PartOutcome(what=what, state="loaded", listener=listener, notices=notices)

    def data(self) -> Mapping[str, Any]:
        """How every part stands, as plain values."""
        return {"watched": self.engine.settings.reload.watch, **self.ledger.data()}


def _as_kept(part: PartOutcome, returned: Returned) -> PartOutcome:
    """A part that was started with as it was in force last. Lists are looked after by themselves."""
    if part.what in {"list", "authorities"}:
        return part
    return replace(part, state="kept", problems=(*returned.because, *part.problems))


def _digest(settings: Settings) -> str | None:
    return None if settings.written is None else settings.written.digest


def _in_force(listener: str, store: PolicyStore, notices: tuple[str, ...] = ()) -> list[PartOutcome]:
    """A policy that was taken up, and what came of its lists."""
    policy = store.current.policy
    taken = PartOutcome(
        what="policy", state="loaded", listener=listener, name=policy.name, digest=policy.digest, notices=notices
    )
    return [taken] + [
        PartOutcome(
            what="list",
            state="kept" if each.fell_back else "loaded",
            listener=listener,
            name=each.document.name,
            digest=None if each.content is None else each.content.digest,
            problems=each.remarks if each.fell_back else (),
            notices=each.stale if each.fell_back else (*each.remarks, *each.stale),
        )
        for each in store.lists.values()
    ]
