"""The cache on a request's way: asked before a server is chosen, given after the last word of the gate.

A kept answer is given only to a request that was let through, and passes everything that an answer from an upstream
passes: it is judged, its fields are cleaned, hidden and edited, and its end is recorded. What is kept is what the
upstream said, so that every client is given it under the policy that is in force for him.

Source: RFC 9111; RFC 5861 (stale-while-revalidate, stale-if-error); RFC 9211 (Cache-Status).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from addons.caching import answers
from addons.caching.ahead import SENT, plan_for
from addons.caching.attempts import Attempt, attach, attempt_of
from addons.caching.flights import Landing
from addons.caching.gathering import Gathering, has_clear_end, stated_size
from addons.caching.questions import asked_of, is_for_cache, put_questions
from addons.judging.exchange import exchange_of, judged
from addons.judging.refusals import for_request
from addons.passing import bodies
from gateway.cache.cache import Step
from gateway.cache.freshness import age, lifetime
from gateway.cache.messages import Answered
from gateway.cache.status import CacheStatus
from gateway.cache.validation import is_unchanged, outdated_by
from gateway.cache.varying import secondary, varying_names
from gateway.policy.errors import Malformed
from gateway.policy.model import Reason, refuse
from gateway.upstreams.pools.pool import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow, Response

    from addons.caching.ahead import Ahead
    from addons.caching.refreshing import Refreshing
    from addons.judging.exchange import Exchange
    from addons.judging.recording import Recorder
    from addons.judging.refusals import Refusal
    from gateway.cache.cache import Cache, Plan
    from gateway.cache.store import Kept

_NOT_MODIFIED: Final = 304
_FINAL: Final = 200
_FAILED: Final = frozenset({500, 502, 503, 504})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ASKING: Final = frozenset({Step.FORWARD, Step.VALIDATE})
_UNUSABLE: Final = 502


class Caching:
    """Looks up, and keeps what comes. Goes behind the keeper of fields and before the records.

    `respond` are the hooks that an upstream's answer meets: they judge it and complete its fields. `refreshing` asks
    about what was given stale. `clock` gives seconds since the epoch.
    """

    def __init__(
        self,
        ahead: Ahead,
        recorder: Recorder,
        respond: Callable[[HTTPFlow], None],
        refreshing: Refreshing,
        clock: Callable[[], float],
    ) -> None:
        self.caches: Final = ahead.caches
        self.planner: Final = ahead.planner
        self._recorder: Final = recorder
        self._respond: Final = respond
        self.refreshing: Final = refreshing
        self._clock: Final = clock
        self._reserved: Final[dict[int, int]] = {}

    def requestheaders(self, flow: HTTPFlow) -> Coroutine[None, None, None] | None:
        """Answer from what is kept, or let the request go to its upstream; nothing where the route has no cache."""
        exchange = judged(flow)
        if exchange.refused or exchange.ended or exchange.route is None or exchange.route.cache is None:
            return None
        cache = self.caches.of(exchange.connection.listener.name, exchange.route.cache)
        return self._look_up(exchange, flow, cache)

    async def _look_up(self, exchange: Exchange, flow: HTTPFlow, cache: Cache) -> None:
        attempt = self._planned(exchange, flow)
        if attempt is None:
            attempt = Attempt(cache, asked_of(exchange, flow.request.headers.fields), self._clock())
        if exchange.unserved is not None:
            await self._without_server(exchange, flow, attempt, exchange.unserved)
            return
        plan = attempt.plan or await plan_for(exchange, attempt, self.planner)
        attach(flow, attempt)
        attempt.status, attempt.asked_at = plan.status, self._clock()
        if plan.step in _ASKING:
            self._ask(exchange, flow, attempt, plan)
        elif plan.step is Step.PASS:
            exchange.cache = "pass"
        else:
            self._give(exchange, flow, attempt, plan)

    def _planned(self, exchange: Exchange, flow: HTTPFlow) -> Attempt | None:
        """What was found before a server was chosen, if the request is sent with what it was found by."""
        attempt = attempt_of(flow)
        if attempt is None or attempt.plan is None:
            return None
        asked, kept = asked_of(exchange, flow.request.headers.fields), attempt.plan.kept
        names = () if kept is None else varying_names(kept.answer)
        if secondary(asked, names) != secondary(attempt.asked, names):
            raise LookupError("a request is not sent as it was looked up")
        attempt.asked = asked
        return attempt

    async def _without_server(self, exchange: Exchange, flow: HTTPFlow, attempt: Attempt, refused: Refusal) -> None:
        """Nobody can be asked: give what is kept, also if it is stale and may stand in, or refuse."""
        self.planner.land(attempt, Landing.LOST)
        now = self._clock()
        if is_for_cache(exchange, attempt.asked):
            await attempt.cache.bring(attempt.asked)
            plan = attempt.cache.look_up(attempt.asked, now)
            if plan.step not in SENT:
                self._give(exchange, flow, attempt, plan)
                return
            attempt.kept = attempt.cache.after_error(attempt.asked, now) if plan.kept is not None else None
        if attempt.kept is not None:
            self._give_after_error(exchange, flow, attempt, attempt.kept)
            return
        exchange.outcome, exchange.cache = refused.decision, "miss"
        flow.response = answer = for_request(exchange, flow, refused)
        exchange.status, exchange.down = answer.status_code, len(answer.raw_content or b"")
        self._recorder.ended(exchange)

    def _ask(self, exchange: Exchange, flow: HTTPFlow, attempt: Attempt, plan: Plan) -> None:
        """The origin is asked; what it says may be kept, unless it is outdated before it is here."""
        exchange.cache = "miss"
        attempt.kept = plan.kept
        attempt.expected = self.caches.expect(attempt.asked.key)
        if plan.questions:
            put_questions(flow, plan.questions)

    def _give(self, exchange: Exchange, flow: HTTPFlow, attempt: Attempt, plan: Plan) -> None:
        """Answer by what is kept; the records stand before the answer leaves."""
        if plan.kept is None:
            exchange.cache, answer = "nothing-kept", answers.given_up()
        elif plan.step is Step.UNCHANGED:
            exchange.cache, answer = "hit", answers.unchanged(plan.kept)
        else:
            is_fresh = (plan.status.left or 0) > 0 or plan.status.collapsed
            exchange.cache = "hit" if is_fresh else "stale"
            answer = answers.given(plan.kept, attempt.asked)
        self._deliver(exchange, flow, answer, plan.status, None if plan.kept is None else plan.age)
        if attempt.flight is not None:
            asking, attempt.flight = replace(attempt), None  # it goes on when the client has its answer
            self.refreshing.begin(exchange, flow.request.headers.fields, asking)

    def _deliver(
        self, exchange: Exchange, flow: HTTPFlow, answer: Response, status: CacheStatus, old: float | None
    ) -> None:
        """Give an answer without an upstream, through everything that one from an upstream meets."""
        if exchange.place is not None:
            exchange.place.end(Outcome.UNTOLD)
        flow.response = answer
        self._respond(flow)
        if exchange.outcome is None:
            answers.tell(flow.response, status, old)
            exchange.status, exchange.down = flow.response.status_code, len(flow.response.raw_content or b"")
        self._recorder.ended(exchange)

    def arrived(self, flow: HTTPFlow) -> None:
        """An upstream's head is here, as it said it: it outdates, confirms, or may be kept."""
        exchange, response, attempt = exchange_of(flow), flow.response, attempt_of(flow)
        if exchange is None or response is None or exchange.refused or response.status_code < _FINAL:
            return
        if attempt is None:
            self._outdate_by_others(exchange, flow, response)
            return
        reply = self._reply(attempt.asked_at, response)
        if reply is None:
            self._finish(attempt, Landing.NOT_KEPT)
            return
        self.caches.outdate(exchange.connection.listener.name, outdated_by(attempt.asked, reply))
        attempt.status = replace(attempt.status, status=reply.status)
        if attempt.kept is None or not self._replace(exchange, flow, attempt, reply, attempt.kept):
            self._gather(attempt, reply, response)

    def _outdate_by_others(self, exchange: Exchange, flow: HTTPFlow, response: Response) -> None:
        """A change on a route without a cache may name what another route keeps."""
        if self.caches and exchange.route is not None and flow.request.method not in _SAFE:
            asked = asked_of(exchange, flow.request.headers.fields)
            reply = self._reply(self._clock(), response)
            if reply is not None:
                self.caches.outdate(exchange.connection.listener.name, outdated_by(asked, reply))

    def _reply(self, asked_at: float, response: Response) -> Answered | None:
        """The head as a value, dated if it was not (RFC 9110 section 6.6.1); None for one that nobody can read."""
        now, raw = self._clock(), response.headers.fields
        if "date" not in response.headers:
            raw = (*raw, (b"Date", formatdate(now, usegmt=True).encode("ascii")))
        reply = Answered(response.status_code, raw, asked_at, now)
        try:
            len(reply.fields)  # it is read once, and remembered
        except Malformed:
            return None
        return reply

    def _replace(self, exchange: Exchange, flow: HTTPFlow, attempt: Attempt, reply: Answered, kept: Kept) -> bool:
        """Whether the client gets a kept answer in the place of this one: it was confirmed, or the origin fails."""
        asked = attempt.asked
        if reply.status == _NOT_MODIFIED:
            renewed = attempt.cache.confirmed(asked, kept, reply) if self._holds(attempt) else None
            exchange.cache = "validated"
            if renewed is None:  # it speaks of another answer than the one that it was asked about
                self.caches.outdate(exchange.connection.listener.name, (asked.key,))
                flow.response = answers.response(_UNUSABLE, [(b"Content-Length", b"0")], b"")
                exchange.cache = "miss"
            else:
                self._put(flow, attempt, renewed)
            self._finish(attempt, Landing.LOST if renewed is None else Landing.KEPT)
            return True
        fallback = self._fallback(attempt) if reply.status in _FAILED else None
        if fallback is None:
            return False
        exchange.cache = "stale"
        if exchange.place is not None:
            exchange.place.end(Outcome.FAILED)
        attempt.status = replace(attempt.status, detail="stale-if-error")
        self._put(flow, attempt, fallback)
        self._finish(attempt, Landing.NOT_KEPT)
        return True

    def _put(self, flow: HTTPFlow, attempt: Attempt, kept: Kept) -> None:
        attempt.given = kept
        if attempt.status.detail is None and is_unchanged(attempt.asked, kept.answer, self._clock()):
            flow.response = answers.unchanged(kept)
        else:
            flow.response = answers.given(kept, attempt.asked)

    def _fallback(self, attempt: Attempt) -> Kept | None:
        """What may stand in for an origin that fails."""
        return attempt.cache.after_error(attempt.asked, self._clock())

    def _gather(self, attempt: Attempt, reply: Answered, response: Response) -> None:
        """Begin to gather an answer that may be kept; all who wait for another one are told at once."""
        why = attempt.cache.answered(attempt.asked, reply)
        store, size = attempt.cache.store, stated_size(response)
        most = min(store.most, store.most_each)
        reserved = most if size is None else size
        has_room = reserved <= most and self._reserved.get(id(attempt.cache), 0) + reserved <= store.most
        if attempt.expected is None or why is not None or not has_room or not has_clear_end(response):
            self._finish(attempt, Landing.NOT_KEPT)
        else:
            self._reserve(attempt, reserved)
            attempt.gathering = Gathering(reply, reserved, lambda: self._finish(attempt, Landing.NOT_KEPT))
            attempt.status = replace(attempt.status, stored=size is not None)

    def _reserve(self, attempt: Attempt, size: int) -> None:
        place = id(attempt.cache)
        self._reserved[place] = self._reserved.get(place, 0) + size

    def responseheaders(self, flow: HTTPFlow) -> None:
        """The head was judged and completed: say what the cache did, and gather what passes."""
        attempt, response = attempt_of(flow), flow.response
        if attempt is None or response is None:
            return
        exchange = judged(flow)
        if attempt.given is not None:
            exchange.instead = response.raw_content or b""
            response.stream = bodies.instead(exchange.instead)
            exchange.down = len(exchange.instead)
        if exchange.outcome is not None:
            self._finish(attempt, Landing.NOT_KEPT)
            return
        if attempt.gathering is not None:
            response.stream = attempt.gathering.over(response.stream)
        answers.tell(response, attempt.status, None if attempt.given is None else self._age(attempt.given))

    def _age(self, kept: Kept) -> float:
        return age(kept.answer, self._clock())

    def response(self, flow: HTTPFlow) -> None:
        """The answer is whole: keep it, if it is to be kept."""
        attempt = attempt_of(flow)
        if attempt is None:
            return
        body = None if attempt.gathering is None else attempt.gathering.whole()
        if attempt.gathering is None or body is None or judged(flow).outcome is not None or _has_trailers(flow):
            self._finish(attempt, Landing.LOST)
            return
        is_kept = self._holds(attempt) and attempt.cache.keep(attempt.asked, attempt.gathering.answer, body)
        if is_kept:
            judged(flow).cache = "stored"
        self._finish(attempt, Landing.KEPT if is_kept else Landing.NOT_KEPT)

    def _holds(self, attempt: Attempt) -> bool:
        return attempt.expected is not None and attempt.expected.holds

    def _finish(self, attempt: Attempt, landing: Landing) -> None:
        """Nothing is kept of this attempt from here on, and nobody waits for it. A second call does nothing."""
        self.planner.land(attempt, landing)
        if attempt.expected is not None:
            self.caches.came(attempt.expected)
            attempt.expected = None
        if attempt.gathering is not None:
            self._reserve(attempt, -attempt.gathering.most)
            attempt.gathering.drop()
            attempt.gathering = None

    def error(self, flow: HTTPFlow) -> None:
        """An exchange broke: nothing of it is kept. Where no head had come, a kept answer may stand in."""
        attempt, exchange = attempt_of(flow), exchange_of(flow)
        if attempt is None or exchange is None:
            return
        self._finish(attempt, Landing.LOST)
        is_there = flow.client_conn.connected and not exchange.given_up and not exchange.ended
        fallback = (
            self._fallback(attempt) if is_there and attempt.kept is not None and exchange.status is None else None
        )
        if fallback is None:
            return
        if exchange.outcome is None:
            exchange.outcome = refuse(Reason.UPSTREAM_BROKEN)
        exchange.release()  # with what this says of the server, before the answer says something else
        exchange.outcome, exchange.stands_in = None, True
        exchange.asked_to_close = True  # the layer closes behind the answer to an exchange that broke
        self._give_after_error(exchange, flow, attempt, fallback)

    def _give_after_error(self, exchange: Exchange, flow: HTTPFlow, attempt: Attempt, kept: Kept) -> None:
        exchange.cache, old = "stale", self._age(kept)
        status = CacheStatus(hit=True, left=lifetime(kept.answer) - old, detail="stale-if-error")
        self._deliver(exchange, flow, answers.given(kept, attempt.asked), status, old)

    def client_disconnected(self, client: Client) -> None:
        """Whatever was on its way for this client will not come."""
        self.planner.flights.lost(client.id)


def _has_trailers(flow: HTTPFlow) -> bool:
    """What was said behind the content would be lost with a kept answer."""
    return flow.response is not None and bool(flow.response.trailers)


@dataclass(frozen=True, slots=True)
class Arriving:
    """Sees an upstream's answer before anybody else does. Goes first."""

    caching: Caching

    def responseheaders(self, flow: HTTPFlow) -> None:
        """An upstream's head is here, as it said it."""
        self.caching.arrived(flow)
