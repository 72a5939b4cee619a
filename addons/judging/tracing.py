"""Exchanges as traces: whose trace one belongs to, what servers are told of it, and what of it becomes a span.

Nothing here decides anything: an exchange goes its way whether it is traced or not, and whatever fails in here. What a
span says of a client, a path or a host is what the audit log says of it.

Source: W3C Trace Context, section 4.3 (mutating); OpenTelemetry semantic conventions for HTTP spans.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from addons.judging.forwarded import is_trusted
from gateway.audit.records.clients import hidden_in
from gateway.audit.records.record import method_of, path_of
from gateway.audit.records.secrets import MASK
from gateway.policy.model import Missing, Mode
from gateway.traces.context import Context, states
from gateway.traces.spans import Drawing, Span, Trace, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mitmproxy.http import Headers

    from addons.judging.exchange import Exchange
    from gateway.audit.records.disclosure import Disclosure
    from gateway.config.settings import TraceSettings
    from gateway.policy.model import Fact
    from gateway.traces.spans import Value

type RawField = tuple[bytes, bytes]

_PARENT: Final = b"traceparent"
_STATE: Final = b"tracestate"
_VERSIONS: Final = {"http/1.1": "1.1", "h2": "2", "h3": "3", "websocket": "1.1"}
_KEPT: Final = frozenset({"hit", "nothing-kept"})
_STALE: Final = "stale"
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_SECOND: Final = 1_000_000_000
_log: Final = logging.getLogger(__name__)


def told(trace: Trace, fields: Iterable[RawField]) -> list[RawField]:
    """The fields of a request with our span in the place of the client's."""
    kept = [each for each in fields if each[0].lower() not in {_PARENT, _STATE}]
    state = [] if trace.state is None else [(_STATE, trace.state.encode("latin-1"))]
    return [*kept, (_PARENT, str(trace.asking).encode()), *state]


def retold(trace: Trace, fields: Sequence[RawField]) -> tuple[RawField, ...]:
    """The same for another server; what a policy has put there, or taken away, stays so."""
    ours = {str(Context(trace.id, each.span, trace.own.sampled)).encode() for each in trace.attempts}
    now = str(trace.asking).encode()
    return tuple((name, now if name.lower() == _PARENT and value in ours else value) for name, value in fields)


class Tracer:
    """Begins, follows and ends traces. `timer` is the monotonic clock of exchanges, `clock` gives seconds, UTC."""

    def __init__(  # noqa: PLR0913 - the seams of a thing that touches clocks and the network
        self,
        settings: TraceSettings,
        drawing: Drawing,
        put: Callable[[Iterable[Span]], None],
        *,
        disclosure: Disclosure,
        timer: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._settings: Final = settings
        self._drawing: Final = drawing
        self._put: Final = put
        self._disclosure: Final = disclosure
        self._timer: Final = timer
        self._clock: Final = clock

    def begin(self, exchange: Exchange) -> None:
        """Give an exchange a trace of its own."""
        exchange.trace = trace = self._drawing.begin()
        trace.is_told = exchange.connection.mode is Mode.REVERSE or self._settings.inject == "both"

    def follow(self, exchange: Exchange, headers: Headers) -> None:
        """Go on with the trace that the client names, if the operator wants that of such a client."""
        trace, wanted = exchange.trace, self._settings.parent
        if trace is None or wanted == "none" or _PARENT.decode() not in headers:
            return
        trusted = is_trusted(exchange.connection.peer, exchange.connection.listener.settings.trusted_proxies)
        parent = Context.parse(headers.get_all(_PARENT.decode())) if trusted or wanted == "all" else None
        if parent is not None:
            join(trace, parent, states(headers.get_all(_STATE.decode())), is_trusted=trusted)

    def ended(self, exchange: Exchange) -> None:
        """Send on what there is to tell of an exchange that is over."""
        trace = exchange.trace
        if trace is None or not trace.own.sampled:
            return
        try:
            self._put(self._spans(exchange, trace))
        except Exception:  # noqa: BLE001 - no exchange ends in another way because it is traced
            _log.exception("an exchange could not be traced")

    def _spans(self, exchange: Exchange, trace: Trace) -> list[Span]:
        began, now = exchange.started, self._timer()

        def at(moment: float) -> int:
            return trace.time + int((moment - began) * _SECOND)

        method, usual = method_of(exchange.facts), self._usual(exchange)
        name, of_gateway = method if method not in {None, MASK} else "HTTP", self._of_gateway(exchange)
        spans = [
            Span(
                context=trace.own,
                parent=trace.parent,
                name=str(name),
                kind="server",
                began=trace.time,
                ended=at(now),
                attributes=usual | of_gateway,
                failed=_is_failed(exchange),
                is_remote=True,
            )
        ]
        asked = [(each.span, each.began, each.ended, _failed(each.server, each.reason)) for each in trace.attempts]
        if exchange.let_through is not None and _was_asked(exchange):
            last = trace.attempts[-1].ended if trace.attempts else exchange.let_through
            asked.append((trace.asks, last, now, _of_server(exchange)))
        usual.pop("client.address", None)
        for resent, (span, since, until, more) in enumerate(asked):
            again: dict[str, Value] = {"http.request.resend_count": resent} if resent else {}
            spans.append(
                Span(
                    context=Context(trace.id, span, sampled=True),
                    parent=trace.own.span,
                    name=str(name),
                    kind="client",
                    began=at(since),
                    ended=at(until),
                    attributes=usual | more | again,
                    failed="error.type" in more,
                )
            )
        return spans

    def _usual(self, exchange: Exchange) -> dict[str, Value]:
        """What is asked for and by whom, in the words of the audit log."""
        facts = exchange.facts
        method = method_of(facts)
        said: dict[str, Value | None] = {
            "http.request.method": "_OTHER" if method == MASK else method,
            "url.scheme": _known(facts.scheme),
            "server.address": _known(facts.host),
            "server.port": None if isinstance(facts.port, Missing) else facts.port,
            "url.path": None if isinstance(facts.target, Missing) else path_of(facts.target, []),
            "client.address": _known(facts.client_ip),
        }
        named = self._disclosure.client
        if named is not None and not isinstance(facts.client_ip, Missing):
            name = named(facts.client_ip, self._clock())
            said = {key: _text_in(hidden_in(value, facts.client_ip, name)) for key, value in said.items()}
        return {key: value for key, value in said.items() if value is not None}

    @staticmethod
    def _of_gateway(exchange: Exchange) -> dict[str, Value]:
        decision, outcome = exchange.decision, exchange.outcome
        status = exchange.status
        said: dict[str, Value | None] = {
            "http.response.status_code": status,
            "network.protocol.version": _VERSIONS.get(str(exchange.facts.protocol)),
            "http.response.body.size": exchange.down,
            "http.request.body.size": exchange.up,
            "wicketgate.decision.id": exchange.id,
            "wicketgate.decision.verdict": None if decision is None else decision.verdict.value,
            "wicketgate.decision.reason": None if decision is None else decision.reason.value,
            "wicketgate.decision.rule": None if decision is None else decision.rule,
            "wicketgate.listener": exchange.connection.listener.name,
            "wicketgate.cache": exchange.cache,
            "wicketgate.end.reason": None if outcome is None else outcome.reason.value,
            "error.type": _error(exchange, _SERVER_ERROR),
        }
        return {key: value for key, value in said.items() if value is not None}


def _is_failed(exchange: Exchange) -> bool:
    """Whether a server's span is one of an error: not for what a client did, or was refused (semantic conventions)."""
    status = exchange.status or 0
    return status >= _SERVER_ERROR or (exchange.outcome is not None and status < _CLIENT_ERROR)


def _was_asked(exchange: Exchange) -> bool:
    """Whether a server was asked, or tried to be; a tunnel that is passed on unread asks nobody by itself."""
    if exchange.answers is not None or exchange.endpoint is None or exchange is exchange.connection.tunnel:
        return False
    if exchange.cache == _STALE:
        return exchange.reached is not None or exchange.outcome is not None
    return exchange.cache not in _KEPT


def _failed(server: str, reason: str) -> dict[str, Value]:
    return {"wicketgate.upstream.server": server, "error.type": reason}


def _of_server(exchange: Exchange) -> dict[str, Value]:
    """What the server that had the last word did."""
    place, error = exchange.place, _error(exchange, _CLIENT_ERROR)
    said: dict[str, Value | None] = {
        "http.response.status_code": exchange.status if exchange.outcome is None else None,
        "network.peer.address": None if exchange.reached is None else str(exchange.reached),
        "wicketgate.upstream.server": None if place is None else place.member.name,
        "error.type": error,
    }
    return {key: value for key, value in said.items() if value is not None}


def _error(exchange: Exchange, least: int) -> str | None:
    if exchange.outcome is not None:
        return exchange.outcome.reason.value
    status = exchange.status
    return str(status) if status is not None and status >= least else None


def _known(fact: Fact[object]) -> str | None:
    return None if isinstance(fact, Missing) else str(fact)


def _text_in(value: object) -> Value | None:
    return value if isinstance(value, str | int) else None
