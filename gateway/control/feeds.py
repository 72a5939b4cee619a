"""Lists that are fetched: when it is time for each, and what came of it.

Fetching is nobody's request: it runs in the background, and whoever uses a list reads it from disk when it has come. It
is not judged by any policy, for it is the operator's own; but it never leads to the gateway's own listeners. Each list
is fetched at a moment of its own, so that gateways which were started together do not ask together; a failure is tried
again after a minute, then after longer and longer pauses, at most as long as the list is fetched anyway.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.audit.records.events import list_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.authority.exports import pem
from gateway.control.listing import Unfetched
from gateway.lists.feeds import FetchedCopies
from gateway.lists.fetching import Fetcher, NotFetched
from gateway.lists.source import digest_of
from gateway.upstreams.resolver import Unresolved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.control.store import PolicyStore
    from gateway.policy.addresses import Address
    from gateway.policy.language.clauses import Feed, ListDocument
    from gateway.upstreams.resolver import Resolver
    from gateway.upstreams.trust import Trust

_LOOK: Final = 1.0
_FIRST_PAUSE: Final = 60.0
_SPREAD: Final = 0.1
_AT_ONCE: Final = 4
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What fetching needs of the gateway.

    `own` are its listeners; `clock` gives seconds since the epoch, `draw` a number from 0 to 1; `record` writes an
    audit record, `said` hears sentences for the operator.
    """

    resolver: Resolver
    trust: Callable[[], Trust]
    own: frozenset[tuple[Address, int]]
    clock: Callable[[], float]
    draw: Callable[[], float]
    record: Callable[[Record], object]
    said: Callable[[str], None]


@dataclass(slots=True)
class _Plan:
    """When a feed is due, and how often in a row it has failed, the last time for this reason."""

    due: float
    failures: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One feed with the first list that names it, where that lies, and who uses it: listeners, and names there."""

    feed: Feed
    document: ListDocument
    base: Path
    users: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of one feed, for whom (listeners, and names of lists there): `came`, or `why` nothing did."""

    url: str
    users: tuple[tuple[str, str], ...]
    came: Literal["fetched", "unchanged", "failed"]
    why: str = ""
    is_news: bool = True

    def data(self) -> dict[str, Any]:
        """As plain values."""
        lists = [{"listener": listener, "name": name} for listener, name in self.users]
        return {"url": self.url, "lists": lists, "came": self.came, "why": self.why}


def readers_of(came: Iterable[Came]) -> frozenset[str]:
    """The listeners for which there is something to read."""
    return frozenset(listener for each in came if each.is_news for listener, _ in each.users)


@dataclass(slots=True)
class Feeds:
    """Fetches what the policies of `stores`, by the names of their listeners, want. `folder` keeps what came."""

    stores: Mapping[str, PolicyStore]
    folder: Path
    around: Surroundings
    fetcher: Fetcher = field(init=False)
    _copies: FetchedCopies = field(init=False)
    _plans: dict[str, _Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._copies = FetchedCopies(self.folder)
        self.fetcher = Fetcher(self._addresses)

    async def run(self, news: Callable[[frozenset[str]], Awaitable[object]]) -> None:
        """Fetch what is due, for ever; `news` is told for which listeners there is something to read."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                if changed := await self.refresh():
                    await news(changed)
            except Exception:  # noqa: BLE001 - whoever fetches goes on fetching
                _log.exception("lists could not be fetched")

    async def refresh(self, *, now_all: bool = False) -> frozenset[str]:
        """Fetch what is due, or all there is; for which listeners there is something to read."""
        now = self.around.clock()
        wanted = [each for each in self._wanted() if now_all or self._plan(each).due <= now]
        return readers_of(await self._fetched(wanted))

    async def fetch_now(self) -> tuple[Came, ...]:
        """Fetch all there is, and say what came of each."""
        return await self._fetched(self._wanted())

    async def fetch_missing(self) -> None:
        """Fetch that of which there is no copy, before anybody needs it."""
        await self._fetched([each for each in self._wanted() if self._copies.checked(each.feed) is None])

    async def _fetched(self, wanted: Iterable[_Wanted]) -> tuple[Came, ...]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(each: _Wanted) -> Came:
            async with gate:
                return await self._one(each)

        return tuple(await asyncio.gather(*map(one, wanted)))

    async def _one(self, wanted: _Wanted) -> Came:
        """Fetch one list."""
        plan, now, url = self._plan(wanted), self.around.clock(), wanted.feed.url
        try:
            is_new = await self._get(wanted)
        except NotFetched as error:
            pause = min(wanted.document.refresh, _FIRST_PAUSE * 2**plan.failures)
            plan.due, plan.failures = now + self._about(pause), plan.failures + 1
            self._note_failure(wanted, str(error), now)
            self._tell(wanted, plan, str(error))
            return Came(url, wanted.users, "failed", str(error), self._grew_old(wanted, now))
        self._plans[url] = _Plan(self.around.clock() + self._about(wanted.document.refresh))
        for listener, name in wanted.users:
            self.stores[listener].unfetched.pop(name, None)
        return Came(url, wanted.users, "fetched" if is_new else "unchanged")

    async def _get(self, wanted: _Wanted) -> bool:
        """Get one list, or hear that the copy still is it; whether it came. Raises NotFetched."""
        feed, document = wanted.feed, wanted.document
        context = await asyncio.to_thread(self._context, wanted)
        known = await asyncio.to_thread(self._copies.validators, feed)
        fetched = await self.fetcher.fetch(feed, known, context)
        try:
            if fetched is None:
                self._copies.renew(feed, self.around.clock())
                return False
            digest = await asyncio.to_thread(digest_of, fetched.content)
            if document.digest not in {None, digest}:
                raise NotFetched(f"is `{digest}`, the policy wants `{document.digest}`")
            await asyncio.to_thread(self._copies.keep, feed, fetched.content, fetched.validators, self.around.clock())
        except OSError as error:
            raise NotFetched(f"cannot be kept in `{self.folder}`: {(error.strerror or 'it failed').lower()}") from None
        return True

    def _note_failure(self, wanted: _Wanted, why: str, now: float) -> None:
        """Whoever asks how lists are hears of it, as long as it lasts."""
        for listener, name in wanted.users:
            found = self.stores[listener].unfetched
            before = found.get(name)
            since = now if before is None or before.url != wanted.feed.url else before.since
            found[name] = Unfetched(wanted.feed.url, why, since)

    def _tell(self, wanted: _Wanted, plan: _Plan, why: str) -> None:
        """Say and record why nothing came; the same reason once in a row."""
        if why == plan.why:
            return
        plan.why = why
        has_copy = self._copies.checked(wanted.feed) is not None
        sentence = f"`{wanted.feed.url}` {why}"
        stays = "; the last copy stays" if has_copy else ""
        self.around.said(
            f"{', '.join(f'{listener}: lists.{name}' for listener, name in wanted.users)}: {sentence}{stays}"
        )
        for listener, name in wanted.users:
            held = self.stores[listener].lists.get(name)
            content = None if held is None else held.content
            try:
                self.around.record(
                    list_record(
                        outcome="kept" if has_copy else "refused",
                        listener=listener,
                        name=name,
                        entries=None if content is None else content.entries,
                        digest=None if content is None else content.digest,
                        problems=[sentence],
                        now=self.around.clock(),
                        cause="list",
                    )
                )
            except AuditUnavailable:
                _log.warning("it could not be recorded that %s", sentence)

    def _grew_old(self, wanted: _Wanted, now: float) -> bool:
        """Whether the copy has become older than it may be, and nobody has been told."""
        checked, most = self._copies.checked(wanted.feed), wanted.document.max_age
        if checked is None or most is None or now - checked <= most:
            return False
        held = [each for listener, _ in wanted.users for each in self.stores[listener].lists.values()]
        return any(each.document.feed == wanted.feed and not each.stale for each in held)

    def _wanted(self) -> list[_Wanted]:
        found: dict[str, _Wanted] = {}
        for listener, store in self.stores.items():
            needs = store.needs
            for document in needs.feeds:
                feed = document.feed
                if feed is not None:
                    known = found.get(feed.url)
                    first, base = (document, needs.base) if known is None else (known.document, known.base)
                    users = (*(() if known is None else known.users), (listener, document.name))
                    found[feed.url] = _Wanted(feed, first, base, users)
        for url in self._plans.keys() - found.keys():
            del self._plans[url]
        return list(found.values())

    def _plan(self, wanted: _Wanted) -> _Plan:
        plan = self._plans.get(wanted.feed.url)
        if plan is None:
            checked = self._copies.checked(wanted.feed)
            due = 0.0 if checked is None else checked + self._about(wanted.document.refresh)
            plan = self._plans[wanted.feed.url] = _Plan(due)
        return plan

    def _about(self, seconds: float) -> float:
        return seconds * (1 - _SPREAD + 2 * _SPREAD * self.around.draw())

    def _context(self, wanted: _Wanted) -> ssl.SSLContext:
        """Whom to believe: who the list says, else who the gateway believes anyway. Raises NotFetched."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if wanted.document.ca is not None:
                context.load_verify_locations(cafile=wanted.base / wanted.document.ca)
                return context
            trust = self.around.trust()
            if trust.system_roots:
                context.load_default_certs()
            if trust.authorities:
                context.load_verify_locations(cadata=pem(trust.authorities).decode("ascii"))
        except OSError as error:
            raise NotFetched(
                f"is not asked, `{wanted.document.ca}` cannot be used: {error.strerror or error}"
            ) from None
        return context

    async def _addresses(self, feed: Feed) -> Sequence[Address]:
        try:
            addresses = await self.around.resolver.resolve(feed.host)
        except Unresolved as error:
            raise NotFetched(f"cannot be resolved: {error}") from None
        if any((address, feed.port) in self.around.own for address in addresses):
            raise NotFetched("leads to a listener of the gateway itself")
        return addresses
