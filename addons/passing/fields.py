"""The fields that pass, in both directions: what concerns one hop stays on it, what the gateway owns is its own.

A request is stripped before it is judged, so that what was judged is what is sent. After the allow the gateway adds
what it has to say and then does what the policy obliges it to, so that no client can undo an obligation by naming a
field in Connection.

Source: RFC 9110 section 7.6.1 (hop-by-hop), section 7.6.3 (Via), RFC 7838 (Alt-Svc), RFC 9209 (Proxy-Status).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers

from addons.judging import forwarded, tracing
from addons.judging.exchange import judged
from addons.judging.heads import line_of, version_of
from addons.judging.refusals import limit_fields
from addons.judging.remembered import known_answer
from addons.passing import hiding, mapping
from gateway.policy.errors import Malformed
from gateway.policy.headers import HOP_BY_HOP, Fields, connection_named
from gateway.policy.model import EditRequest, EditResponse, Mode
from gateway.upstreams.safety import fields_of, filled_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from mitmproxy.http import HTTPFlow, Request, Response

    from addons.judging.exchange import Endpoint, Exchange
    from gateway.config.settings import ListenerSettings
    from gateway.policy.model import Decision, Obligation

type RawField = tuple[bytes, bytes]

OWN: Final = ("wicketgate-", "wicketgate_", "wicketgate.")
"""How fields of the gateway's own begin, as servers may read them: nobody else's are passed on, in either direction."""

_BODILESS: Final = frozenset({204, 304})
_FRAMING: Final = frozenset({"transfer-encoding"})
"""Hop-by-hop, but the layer below frames the next hop by it; the head was refused if it is anything but `chunked`."""

_TRAILERS_WANTED: Final = [(b"TE", b"trailers"), (b"Connection", b"TE")]
"""What tells an upstream that trailers are not thrown away, on this hop (RFC 9110 section 10.1.4)."""

_ONE_HOP: Final = (HOP_BY_HOP | {"http2-settings", "proxy-authentication-info"}) - _FRAMING
_NEVER_ASKED: Final = _ONE_HOP | {"proxy"}
_NEVER_ANSWERED: Final = _ONE_HOP | {"alt-svc", "proxy-status"}

_BEFORE_HTTP3: Final = frozenset({"http/1.1", "h2"})
_ALTERNATIVE_FOR: Final = 24 * 3600
"""Seconds for which a client may remember that HTTP/3 is spoken here."""

_NOT_NOMINATED: Final = (
    forwarded.TRACE
    | _FRAMING
    | {
        "authorization",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "if-match",
        "if-none-match",
        "max-forwards",
        "origin",
        "range",
        "referer",
        "set-cookie",
    }
)
"""What `Connection` cannot take out of a message: the gateway owns it, or a backend relies on it."""


def kept_of_request(received: Fields, mode: Mode, *, is_trusted: bool = False) -> tuple[bool, ...]:
    """For each field of a request whether it goes on. Raises Malformed for a Connection that names no field.

    `is_trusted` says that a trusted proxy sent it, whose trace goes on behind a reverse listener.
    """
    dropped: frozenset[str] = _nominated(received)
    if mode is Mode.REVERSE and not (is_trusted and forwarded.continues_trace(received.get_all("traceparent"))):
        dropped |= forwarded.TRACE
    return tuple([_goes_on(name, dropped, mode) for name, _ in received])


def _nominated(fields: Fields) -> frozenset[str]:
    named = connection_named(fields) - _NOT_NOMINATED
    return frozenset(name for name in named if not forwarded.is_claim(name))


def _goes_on(name: str, dropped: Container[str], mode: Mode) -> bool:
    if name in _NEVER_ASKED or name in dropped or name.startswith(OWN):
        return False
    if mode is Mode.FORWARD:
        return True
    return "_" not in name and "." not in name and not forwarded.is_claim(name)


class FieldKeeper:
    """Puts the gateway's own fields and the policy's edits on admitted messages.

    `pseudonym` is the name under which the gateway appears in Via, by which it knows its own requests again.
    """

    def __init__(self, pseudonym: str) -> None:
        self._pseudonym: Final = pseudonym

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Complete the head of an admitted request; it was stripped before it was judged."""
        exchange = judged(flow)
        if exchange.refused or exchange.decision is None:
            return
        flow.request.headers.fields = self.completed(exchange, flow.request, exchange.decision)

    def completed(self, exchange: Exchange, request: Request, decision: Decision) -> tuple[RawField, ...]:
        """The fields that a stripped request is sent with under this decision."""
        fields = [*request.headers.fields, *self._own_fields(exchange, request)]
        if exchange.trace is not None and exchange.trace.is_told:
            fields = tracing.told(exchange.trace, fields)
        for obligation in decision.obligations:
            if isinstance(obligation, EditRequest):
                fields = obligation.edit.apply(fields)
        return tuple(fields)

    def _own_fields(self, exchange: Exchange, request: Request) -> list[RawField]:
        version = version_of(request)
        wanted = _TRAILERS_WANTED if line_of(request).trailers and "upgrade" not in request.headers else []
        if exchange.connection.mode is Mode.FORWARD:
            return [forwarded.via(self._pseudonym, version), *wanted]
        host = request.headers["host"].encode("ascii")
        return [*forwarded.forwarding_fields(exchange, host, self._pseudonym, version), *wanted]

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Clean an upstream's answer and add what the client is due.

        A client of HTTP/1.0 knows no chunks: it gets the bytes alone, and the end of the connection after them. One
        that wants to keep its connection is told whether it may.
        """
        exchange, response = judged(flow), flow.response
        if response is None or exchange.refused or exchange.outcome is not None:
            return
        switching = response.status_code == 101  # noqa: PLR2004 - the status that hands the connection over
        fields = clean_answer(response, exchange.connection.mode)
        if exchange.connection.mode is Mode.REVERSE and exchange.route is not None:
            fields = pointing_here(exchange, flow.request, fields)
            if not switching and exchange.security_fields != "off":
                https = exchange.facts.scheme == "https"
                fields = filled_in(fields, fields_of(exchange.security_fields, https=https))
        else:
            fields.append(forwarded.via(self._pseudonym, version_of(response)))
        if exchange.decision is not None:
            fields = _edited(fields, exchange.decision.obligations)
            fields += limit_fields(exchange.decision.limits)
        if exchange.connection.listener.settings.http3 and exchange.facts.protocol in _BEFORE_HTTP3:
            fields.append(_alternative(exchange.connection.listener.settings))
        unframed = not flow.request.is_http11 and "transfer-encoding" in response.headers
        if unframed:
            fields = [field for field in fields if field[0].lower() != b"transfer-encoding"]
        close = exchange.asked_to_close or unframed
        fields += _connection_fields(switching=switching, close=close)
        if not close and not flow.request.is_http11:
            fields.append((b"Connection", b"keep-alive" if _has_known_end(flow.request, response) else b"close"))
        _replace(flow, response, fields, copied=unframed)


def pointing_here(exchange: Exchange, request: Request, fields: list[RawField]) -> list[RawField]:
    """Fields of an answer, with what points to a backend made to point to the gateway."""
    if exchange.route is None or not hiding.may_name_backend(fields):
        return fields
    front = hiding.Front.of(exchange, request)
    fields = hiding.hide(fields, front, _servers(exchange))
    return fields if exchange.route.rewriting is None else mapping.map_back(fields, front, exchange.route.rewriting)


def _servers(exchange: Exchange) -> frozenset[Endpoint]:
    """Every server of the upstream, and the one that answers, by its name and by the address at which it was reached.

    It may have joined the upstream since the start.
    """
    configured = () if exchange.route is None else exchange.route.upstream.servers
    servers = frozenset((server.host.text, server.port) for server in configured)
    if exchange.endpoint is None:
        return servers
    name, port = exchange.endpoint
    return servers | {(name, port), (name if exchange.reached is None else str(exchange.reached), port)}


def clean_request_fields(raw: Iterable[RawField], mode: Mode) -> list[RawField]:
    """Of fields behind a request's body those that would go on if they stood in its head."""
    return [field for field in raw if _goes_on(field[0].lower().decode("latin-1"), frozenset(), mode)]


def clean_answer(response: Response, mode: Mode) -> list[RawField]:
    """The fields of an answer without those of one hop and those that only the gateway may send."""
    known = known_answer(response)
    if known is None:
        return clean_answer_fields(response.headers.fields, mode)
    if mode not in known.cleaned:
        known.cleaned[mode] = tuple(clean_answer_fields(known.fields, mode))
    return list(known.cleaned[mode])


def clean_answer_fields(raw: Sequence[RawField], mode: Mode) -> list[RawField]:
    """The same of any fields of an answer, in front of its body or behind it."""
    nominated = _nominated_by(raw)
    dropped = hiding.TELLTALE if mode is Mode.REVERSE else frozenset()
    kept = []
    for name, value in raw:
        key = name.lower().decode("latin-1")
        if key in _NEVER_ANSWERED or key in nominated or key in dropped or key.startswith(OWN):
            continue
        if mode is Mode.REVERSE and key.startswith(hiding.TELLTALE_PREFIXES):
            continue
        kept.append((name, value))
    return kept


def _nominated_by(raw: Iterable[RawField]) -> frozenset[str]:
    said = [field for field in raw if field[0].lower() == b"connection"]
    if not said:
        return frozenset()
    try:
        return _nominated(Fields.of(said))
    except Malformed:
        return frozenset()


def _alternative(settings: ListenerSettings) -> RawField:
    """Where else the same is served (RFC 7838 section 3), for clients that do not speak HTTP/3 yet."""
    return b"Alt-Svc", b'h3=":%d"; ma=%d' % (settings.http3_port or settings.bind[1], _ALTERNATIVE_FOR)


def _edited(fields: list[RawField], obligations: Sequence[Obligation]) -> list[RawField]:
    for obligation in obligations:
        if isinstance(obligation, EditResponse):
            fields = obligation.edit.apply(fields)
    return fields


def _connection_fields(*, switching: bool, close: bool) -> list[RawField]:
    if switching:
        return [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    return [(b"Connection", b"close")] if close else []


def _has_known_end(request: Request, response: Response) -> bool:
    """Whether an answer ends before its connection does (RFC 9112 section 6.3)."""
    return "content-length" in response.headers or request.method == "HEAD" or response.status_code in _BODILESS


def _replace(flow: HTTPFlow, response: Response, fields: list[RawField], *, copied: bool) -> None:
    """Change what the client gets, not what the upstream said.

    The layer below reads in the received message how its body ends and whether the upstream stays open, so where that
    message speaks of its connection, or the client is told another framing, the client gets a copy.
    """
    if not copied and response.is_http11 and "connection" not in response.headers:
        response.headers.fields = tuple(fields)
        return
    answer = response.copy()
    answer.data.http_version = b"HTTP/1.1"
    answer.headers = Headers(fields)
    answer.stream = response.stream
    flow.response = answer
