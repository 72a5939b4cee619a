"""Asking in the background whether an answer still holds that was given stale (RFC 5861 section 3).

It is a request of its own, with a decision and an end on record: it repeats one that the gate let through, as the
origin would have been sent it, so it is judged by the same policy with the addresses of the server that it goes to,
and charged to no limit. It takes its turn at a server as every request does. There is one for an answer at a time, few
in all, none lasts long, and none outlives the gateway's draining; where it fails, nobody asks again for a while, and
what is stale is given as long as its origin allows.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from OpenSSL import SSL

from addons.caching.fetching import Broken, Fetched, fetched, question
from addons.caching.flights import NOBODY, Landing
from addons.judging.destinations import located
from addons.judging.enforcing import enforceable
from addons.judging.exchange import Exchange, known
from addons.judging.refusals import Refusal
from addons.serving.tasks import spawn
from addons.upstream import dialing
from addons.upstream.connecting import NotConnected, connect
from addons.upstream.probes import Plain, Unwell, shaken
from gateway.cache.messages import Answered
from gateway.cache.validation import questions
from gateway.policy.errors import Malformed
from gateway.policy.model import UNKNOWN, Reason, refuse
from gateway.upstreams.resolver import Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.caching.attempts import Attempt
    from addons.caching.planning import Planner
    from addons.judging.destinations import Destination
    from addons.judging.exchange import Connections
    from addons.judging.recording import Recorder
    from addons.tls.upstream_tls import UpstreamTls
    from addons.upstream.dialing import Turns
    from addons.upstream.pools import Pools
    from gateway.cache.caches import Caches
    from gateway.lists.geography import Geography
    from gateway.policy.headers import RawField
    from gateway.policy.model import Decision
    from gateway.upstreams.resolver import Resolver
    from gateway.upstreams.routes import Route

MOST: Final = 32
"""How many answers are asked about at a time."""
PATIENCE: Final = 20.0
"""Seconds that one may take, from its turn at a server to the last byte."""
_NOT_MODIFIED: Final = 304
_FAILED: Final = 500
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """What it takes to reach a server."""

    pools: Pools
    resolver: Resolver
    turns: Turns
    geography: Geography
    tls: UpstreamTls


@dataclass(slots=True)
class Refreshing:
    """Asks, and keeps what comes. `clock` gives seconds since the epoch."""

    ways: Ways
    caches: Caches
    planner: Planner
    recorder: Recorder
    connections: Connections
    clock: Callable[[], float]
    is_ending: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, before: Exchange, fields: tuple[RawField, ...], attempt: Attempt) -> None:
        """Ask about the answer that was given for an exchange, if not too many are asked about already.

        `fields` are what its request would have been sent with. The attempt's flight lands when it is known.
        """
        if self.is_ending or len(self._tasks) >= MOST or before.route is None:
            self.planner.land(attempt, Landing.LOST)
            return
        if attempt.flight is not None:
            attempt.flight.client = NOBODY
        exchange = Exchange(
            id=self.connections.new_id(),
            connection=before.connection,
            gate=before.gate,
            started=self.connections.timer(),
            facts=replace(
                before.facts,
                now=self.clock(),
                method="GET",
                destination_ips=UNKNOWN,
                destination_country=UNKNOWN,
                destination_asn=UNKNOWN,
            ),
            route=before.route,
            sent=before.sent,
        )
        spawn(self._refresh(exchange, before.route, fields, attempt), self._tasks, at_once=True)

    async def settled(self) -> None:
        """Wait until nothing is asked about any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Ask no more, and end what is under way."""
        self.is_ending = True
        for task in tuple(self._tasks):
            task.cancel("the engine ends")
        await self.settled()

    def __len__(self) -> int:
        return len(self._tasks)

    async def _refresh(self, exchange: Exchange, route: Route, fields: tuple[RawField, ...], attempt: Attempt) -> None:
        expected, landing = self.caches.expect(attempt.asked.key), Landing.NOT_KEPT
        exchange.cache = "refresh-failed"
        try:
            async with asyncio.timeout(PATIENCE):
                destination = await self.ways.pools.place(exchange, route)
                refused = destination if isinstance(destination, Refusal) else None
                if not isinstance(destination, Refusal):
                    refused = await self._last_word(exchange, destination)
                if refused is not None:
                    self.recorder.refused(exchange, refused.decision, status=None, down=0)
                elif not isinstance(destination, Refusal):
                    asked_at = self.clock()
                    answer = await self._ask(exchange, destination, fields, attempt)
                    if expected.holds and self._take(exchange, attempt, answer, asked_at):
                        landing = Landing.KEPT
        except TimeoutError:
            exchange.outcome = refuse(Reason.UPSTREAM_TIMEOUT)
        except (OSError, SSL.Error, Broken, Unwell, NotConnected) as problem:
            _log.debug("an answer could not be asked about: %s", problem)
            exchange.outcome = _why(problem)
        except Exception:  # noqa: BLE001 - whatever fails in the background must fail alone
            _log.exception("an answer could not be asked about")
            exchange.outcome = refuse(Reason.INTERNAL_ERROR)
        finally:
            self._end(exchange)
            self.caches.came(expected)
            self.planner.land(attempt, landing)

    def _end(self, exchange: Exchange) -> None:
        """Both records stand, whatever became of it."""
        if exchange.outcome is None and exchange.status is None and not exchange.ended:
            exchange.outcome = refuse(Reason.UPSTREAM_UNAVAILABLE, "The gateway ends.")
        if exchange.recorded or exchange.outcome is None:
            self.recorder.ended(exchange)
        else:
            self.recorder.refused(exchange, exchange.outcome, status=None, down=0)

    async def _last_word(self, exchange: Exchange, destination: Destination) -> Refusal | None:
        """Resolve, judge every address, record the allow: as for every request, but for the limits."""
        try:
            addresses = await self.ways.resolver.resolve(destination.host)
        except Unresolved as unresolved:
            return Refusal(refuse(Reason.UPSTREAM_UNRESOLVED, unresolved.why))
        exchange.facts = located(exchange.facts, addresses, exchange.gate, self.ways.geography)
        decision = enforceable(exchange.gate.elsewhere(exchange.facts))
        if decision.allowed:
            exchange.endpoint = destination.endpoint
            exchange.judged = self.ways.turns.addresses(destination.endpoint, dialing.pinned(decision, addresses))
            decision = await self.recorder.allowed(exchange, decision)
        return _refusal(decision)

    async def _ask(
        self, exchange: Exchange, destination: Destination, fields: tuple[RawField, ...], attempt: Attempt
    ) -> Fetched:
        target = known(exchange.facts.target)
        path = target.sent if exchange.sent is None else target.sent_as(exchange.sent)
        kept = attempt.plan.kept if attempt.plan is not None else attempt.cache.store.find(attempt.asked)
        asks = () if kept is None else questions(kept.answer)
        streams = await connect(exchange.judged, destination.port, self.ways.turns.ways)
        try:
            wire = Plain(streams)
            if destination.scheme == "https":
                verify = not exchange.connection.listener.settings.unsafe_skip_verify
                tls = self.ways.tls.towards(destination.host.text, verify=verify)
                tls.set_alpn_protos([b"http/1.1"])
                sealed = await shaken(wire, tls)
                return await fetched(sealed, question(path, fields, asks), attempt.cache.store.most_each)
            return await fetched(wire, question(path, fields, asks), attempt.cache.store.most_each)
        finally:
            streams[1].transport.abort()

    def _take(self, exchange: Exchange, attempt: Attempt, answer: Fetched, asked_at: float) -> bool:
        """Whether the answer took the place of the one before, or confirmed it."""
        exchange.status, exchange.down = answer.status, len(answer.body or b"")
        now, raw, asked, cache = self.clock(), answer.raw, attempt.asked, attempt.cache
        if all(name.lower() != b"date" for name, _ in raw):
            raw = (*raw, (b"Date", formatdate(now, usegmt=True).encode("ascii")))
        reply = Answered(answer.status, raw, asked_at, now)
        try:
            len(reply.fields)  # it is read once, and remembered
        except Malformed as problem:
            raise Broken(str(problem)) from problem
        if reply.status >= _FAILED:
            return False
        kept = cache.store.find(asked)
        asked = replace(asked, method="GET")
        if reply.status == _NOT_MODIFIED and kept is not None:
            is_taken = cache.confirmed(asked, kept, reply) is not None
        else:
            is_taken = answer.body is not None and cache.answered(asked, reply) is None
            is_taken = is_taken and cache.keep(asked, reply, answer.body or b"")
        if not is_taken:
            self.caches.outdate(exchange.connection.listener.name, (asked.key,))
        exchange.cache = "refreshed" if is_taken else "refresh-dropped"
        return is_taken


def _why(problem: Exception) -> Decision:
    return problem.decision if isinstance(problem, NotConnected) else refuse(Reason.UPSTREAM_BROKEN)


def _refusal(decision: Decision) -> Refusal | None:
    return Refusal(decision) if decision.denied else None
