"""The records of an exchange: one decision before its effect, one end after it, whatever happens in between.

Every exchange has exactly one of each: refused, broken, cut and spliced ones too. If the log takes no record, nothing
is let through: the decision that stands is then `audit-unavailable`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from addons.judging.counting import count_end
from addons.judging.exchange import Connections, ConnectionState, Exchange, exchange_of
from addons.judging.refusals import for_upstream_error
from addons.judging.translate import connection_facts
from gateway.audit.records.clients import hidden_in
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.events import connection_record
from gateway.audit.records.record import Circumstances, decision_object, end_record
from gateway.audit.writing.drafts import DecisionDraft, EndDraft
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.phrases import Phrases
from gateway.audit.writing.wording import Wording
from gateway.metrics.counting import Counting
from gateway.policy.model import Decision, Missing, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow, Response
    from mitmproxy.tls import TlsData

    from gateway.audit.records.record import Record
    from gateway.audit.writing.drafts import Draft
    from gateway.upstreams.pools.pool import PlaceAt

_LEFT: Final = "The client left before it was answered."
_log: Final = logging.getLogger(__name__)


class Log(Protocol):
    """Takes records: the audit writer, or something in front of it. What it does not take raises AuditUnavailable."""

    def append(self, record: Record | Draft, /) -> int:
        """Accept a record and return its number."""

    async def record(self, record: Record | Draft, /) -> int:
        """Accept a record as durably as the log promises."""


class Recorder:
    """Writes what was decided and how it ended. `clock` gives seconds since the epoch, UTC.

    `durable`, where answers wait for the disk, takes a record and tells when it is there. `counting` counts both.
    """

    def __init__(  # noqa: PLR0913 - the seams of a thing that touches clock and disk
        self,
        writer: Log,
        connections: Connections,
        clock: Callable[[], float],
        durable: Callable[[Record | Draft], Future[int]] | None = None,
        disclosure: Disclosure | None = None,
        *,
        counting: Counting | None = None,
    ) -> None:
        self._counting: Final = counting or Counting()
        self._writer: Final = writer
        self._connections: Final = connections
        self._clock: Final = clock
        self._durable: Final = durable
        self._unsettled: Future[int] | None = None
        self._disclosure: Final = disclosure or Disclosure()
        self._wording: Final = Wording()

    async def allowed(self, exchange: Exchange, decision: Decision) -> Decision:
        """Record an allow before its effect, as durably as the log promises; the decision that stands comes back.

        What ended while it was judged, because its client left, is let through no more; nor is what is still due to be
        charged to limits.
        """
        if exchange.ended:
            exchange.release()
            return refuse(Reason.PROTOCOL_REFUSED, _LEFT)
        exchange.decision = decision
        if decision.due is not None:
            exchange.release()
            exchange.decision = refuse(Reason.UNKNOWN_OBLIGATION)
            return exchange.decision
        try:
            record = self._decision(exchange, decision, None)
            if self._durable is None:
                self._writer.append(record)
            else:
                await self._writer.record(record)
        except AuditUnavailable:
            exchange.release()
            exchange.decision = refuse(Reason.AUDIT_UNAVAILABLE)
            return exchange.decision
        exchange.recorded = True
        exchange.let_through = self._connections.timer()
        self._counting.decided(exchange.connection.listener.name, decision)
        return decision

    def refused(self, exchange: Exchange, decision: Decision, *, status: int | None, down: int) -> None:
        """Record a refusal and its end. If the log takes nothing the refusal stands all the same."""
        exchange.release()
        if exchange.ended:
            return
        exchange.decision, exchange.status, exchange.down = decision, status, down
        self._counting.decided(exchange.connection.listener.name, decision)
        self._append_refusal(lambda: self._decision(exchange, decision, status))
        if status is None:
            exchange.connection.refused = exchange
        exchange.recorded = True
        self.ended(exchange)

    def settled(self) -> Awaitable[None] | None:
        """Waits until the last refusal, and so every one before it, is on the disk or cannot get there; or None."""
        if self._unsettled is None or self._unsettled.done():
            return None
        return _over(self._unsettled)

    def ended(self, exchange: Exchange) -> None:
        """Record the end of an exchange, once, and give its lease back."""
        exchange.release()
        if exchange.ended or not exchange.recorded:
            return
        exchange.ended = True
        self._append(lambda: self._end(exchange))
        state = exchange.connection
        count_end(self._counting, exchange, self._connections.timer())
        if self._connections.tracing is not None:
            self._connections.tracing.ended(exchange)
        state.exchanges = [each for each in state.exchanges if each is not exchange]

    def failed(self, client_id: str, hook: str, error: BaseException) -> None:
        """Record that the gateway itself failed on a connection: every open exchange of it ends as `internal-error`.

        What went wrong stays in the gateway's own log; nothing of it is shown to the client.
        """
        _log.error("%s failed: %s", hook, type(error).__name__, exc_info=error)
        state = self._connections.find(client_id)
        if state is None:
            return
        if state.told:
            state.told = False
            return
        opened = tuple(state.exchanges) or (self._connections.begin(state, connection_facts(state, self._clock())),)
        for exchange in opened:
            self.broken(exchange, refuse(Reason.INTERNAL_ERROR, f"The gateway failed at {hook}."))

    def cut_off(self, client_id: str) -> None:
        """What a client has under way ends because the gateway does: its records will say so."""
        state = self._connections.find(client_id)
        for exchange in () if state is None else state.exchanges:
            if exchange.recorded and exchange.outcome is None:
                exchange.outcome = refuse(Reason.GATEWAY_STOPPED, "The gateway was stopped.")

    def broken(self, exchange: Exchange, decision: Decision, *, answer: Response | None = None) -> None:
        """Record that an exchange ended by `decision`, before or after it was let through, with this answer if any."""
        status = None if answer is None else answer.status_code
        down = 0 if answer is None else len(answer.raw_content or b"")
        if not exchange.recorded:
            self.refused(exchange, decision, status=status, down=down)
            return
        if exchange.outcome is None:
            exchange.outcome = decision
        if answer is not None:
            exchange.status, exchange.down = status, down
        self.ended(exchange)

    def _decision(self, exchange: Exchange, decision: Decision, status: int | None) -> Record | Draft:
        policy, phrases = exchange.gate.policy, exchange.connection.phrases or self._phrases(exchange.connection)
        exchange.gate.fired.note(decision)
        if decision.digest != policy.digest:  # made by the gateway itself, which refused before the gate was asked
            decision = replace(decision, policy=policy.name, digest=policy.digest)
        draft = DecisionDraft(
            *(self._wording, phrases, exchange.facts, decision, self._clock(), exchange.id, status),
            dialled=exchange.judged[0] if exchange.judged else None,
            parent=None if exchange.parent is None else exchange.parent.name,
            sent=exchange.sent,
            answers=exchange.answers,
            trace=None if exchange.trace is None else exchange.trace.id,
        )
        return draft if self._disclosure.client is None else draft.record()  # to name a client may fail: before it acts

    def _phrases(self, state: ConnectionState) -> Phrases:
        """What its records say of a connection, which is known as soon as anything is recorded."""
        state.phrases = Phrases(
            Circumstances(
                id="",
                listener=state.listener.name,
                mode=state.mode,
                client_port=state.port,
                original=state.original,
                balancer=state.balancer,
                disclosure=self._disclosure,
            )
        )
        return state.phrases

    def _end(self, exchange: Exchange) -> Record | Draft:
        seconds, now, place = self._connections.timer() - exchange.started, self._clock(), exchange.place
        is_unverified = exchange.endpoint in exchange.connection.unverified
        if exchange.outcome is None and not exchange.attempts:
            return EndDraft(
                *(self._wording, now, exchange.id, exchange.status, exchange.up, exchange.down, seconds),
                *(exchange.reached, is_unverified, exchange.cache, exchange.kind),
                None if place is None else (_upstream_of(exchange), place.member.name),
            )
        outcome = exchange.outcome
        if outcome is not None:
            exchange.gate.fired.note_end(outcome)
        record = end_record(
            decision_id=exchange.id,
            status=exchange.status,
            up=exchange.up,
            down=exchange.down,
            seconds=seconds,
            now=now,
            reason=None if outcome is None else outcome.reason,
            reached=exchange.reached,
            unverified=is_unverified,
            cache=exchange.cache,
            kind=exchange.kind,
        )
        if place is not None:
            record["upstream"] = _upstream(exchange, place)
        return record if outcome is None else record | {"decision": self._said(exchange, outcome)}

    def _said(self, exchange: Exchange, outcome: Decision) -> object:
        """What was decided later, without the client's address if that is not to be written down."""
        said, client, named = decision_object(outcome), exchange.facts.client_ip, self._disclosure.client
        if named is None or isinstance(client, Missing):
            return said
        return hidden_in(said, client, named(client, self._clock()))

    def unasked(self, state: ConnectionState) -> None:
        """Record the end of a connection on which nothing was asked for, that was refused, or passed on unread."""
        self._append(lambda: self._connection(state))

    def _connection(self, state: ConnectionState) -> Record:
        exchange = state.refused or (state.tunnel if state.treatment == "splice" else None)
        decision = None if exchange is None else exchange.decision
        return connection_record(
            decision_id=self._connections.new_id() if exchange is None else exchange.id,
            listener=state.listener.name,
            client=(state.peer, state.port),
            balancer=state.balancer,
            named=self._disclosure.client,
            outcome="refused" if state.refused is not None else "closed" if exchange is None else "spliced",
            reason=None if decision is None else decision.reason,
            detail=None if decision is None or decision.rule is not None else decision.message,
            up=0 if exchange is None else exchange.up,
            down=0 if exchange is None else exchange.down,
            seconds=self._connections.timer() - state.started,
            now=self._clock(),
        )

    def _append_refusal(self, made: Callable[[], Record | Draft]) -> None:
        if self._durable is None:
            self._append(made)
            return
        try:
            self._unsettled = self._durable(made())
        except AuditUnavailable as problem:
            _log.error("a record could not be written: %s", problem)

    def _append(self, made: Callable[[], Record | Draft]) -> None:
        """Make a record and write it down; that it cannot be made is as bad as that it cannot be written."""
        try:
            self._writer.append(made())
        except AuditUnavailable as problem:
            _log.error("a record could not be written: %s", problem)


async def _over(future: Future[int]) -> None:
    """Wait for a refusal to be on the disk. It stands all the same if it never gets there."""
    with suppress(AuditUnavailable):
        await asyncio.shield(asyncio.wrap_future(future))


def _upstream(exchange: Exchange, place: PlaceAt) -> Record:
    """The server that had the last word on an exchange, and those that failed it before."""
    return {
        "name": _upstream_of(exchange),
        "server": place.member.name,
        "attempts": [{"server": server, "reason": reason.value} for server, reason in exchange.attempts],
    }


def _upstream_of(exchange: Exchange) -> str | None:
    return None if exchange.route is None else exchange.route.upstream.name


def _is_unasked(state: ConnectionState) -> bool:
    """Whether nothing was asked for on a connection, or it was refused or passed on as a whole."""
    return not state.begun or state.refused is not None or state.treatment == "splice"


class Recording:
    """The hooks that see how exchanges end. Goes last in the order of the adapters."""

    def __init__(self, recorder: Recorder, connections: Connections) -> None:
        self._recorder: Final = recorder
        self._connections: Final = connections

    def request(self, flow: HTTPFlow) -> None:
        """A request has arrived whole."""
        self._done(exchange_of(flow), request=True)

    def response(self, flow: HTTPFlow) -> None:
        """An answer has passed whole; of a websocket only its handshake."""
        self._done(exchange_of(flow), response=flow.websocket is None)

    def _done(self, exchange: Exchange | None, *, request: bool = False, response: bool = False) -> None:
        if exchange is None or exchange.ended:
            return
        exchange.request_done |= request
        exchange.response_done |= response
        if exchange.request_done and exchange.response_done:
            self._recorder.ended(exchange)

    def websocket_message(self, flow: HTTPFlow) -> None:
        """Count a message, and let go of it: the layer would keep every one until the end."""
        exchange = exchange_of(flow)
        if exchange is None or flow.websocket is None:
            return
        message = flow.websocket.messages[-1]
        if message.from_client:
            exchange.up += len(message.content)
        else:
            exchange.down += len(message.content)
        del flow.websocket.messages[:-1]

    def websocket_end(self, flow: HTTPFlow) -> None:
        """A websocket was closed by one of its ends."""
        exchange = exchange_of(flow)
        if exchange is not None:
            self._recorder.ended(exchange)

    def error(self, flow: HTTPFlow) -> None:
        """An exchange broke before its answer had passed."""
        exchange = exchange_of(flow)
        if exchange is None or exchange.ended:
            return
        if flow.client_conn.connected and not exchange.given_up:
            self._upstream_failed(exchange, flow)
        self._recorder.ended(exchange)

    def _upstream_failed(self, exchange: Exchange, flow: HTTPFlow) -> None:
        """Nobody but the upstream can have broken it; the client gets an answer if it had none yet."""
        if exchange.outcome is None:
            exchange.outcome = refuse(Reason.UPSTREAM_BROKEN)
        if exchange.status is None:
            answer = for_upstream_error(flow, "")
            exchange.status, exchange.down = answer.status_code, len(answer.raw_content or b"")

    def client_disconnected(self, client: Client) -> None:
        """A connection is over: so is everything on it."""
        state = self._connections.find(client.id)
        if state is None:
            return
        self._connections.closed(client.id)
        tunnel, is_unasked = state.tunnel, _is_unasked(state)
        for exchange in tuple(state.exchanges):
            if exchange.recorded or exchange is tunnel:
                self._recorder.ended(exchange)
            else:
                self._recorder.refused(exchange, refuse(Reason.PROTOCOL_REFUSED, _LEFT), status=None, down=0)
        if tunnel is not None and not tunnel.recorded and state.requests == 0:
            unasked = refuse(Reason.PROTOCOL_REFUSED, state.trouble or "The client left before it asked for anything.")
            self._recorder.refused(tunnel, unasked, status=None, down=0)
        if is_unasked:
            self._recorder.unasked(state)

    def tls_failed_client(self, data: TlsData) -> None:
        """A client did not finish its handshake: most often it does not trust the gateway's authority."""
        state = self._connections.find(data.context.client.id)
        if state is not None:
            state.trouble = "The client broke off the TLS handshake."
