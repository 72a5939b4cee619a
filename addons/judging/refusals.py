"""Decisions as answers: the status, the fields and the body with which a client learns that it was refused.

A refusal names the decision id and, if the policy shows rules, the rule; never an address of a backend, a text of the
proxy engine or anything of the gateway's inside. Browsers get a page, programs get problem details (RFC 9457).
Proxy-Status is RFC 9209; RateLimit and RateLimit-Policy follow draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response

from addons.judging.exchange import judged
from gateway.audit.records.redaction import mask_text
from gateway.pages.refused import Page, as_html, as_problem
from gateway.pages.shell import HTML, HTML_FIELDS
from gateway.policy.model import Decision, Fact, Missing, Reason, refuse
from gateway.upstreams.safety import filled_in, of_own_page

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import ConnectionState, Exchange
    from gateway.policy.limits import LimitState

type RawFields = tuple[tuple[bytes, bytes], ...]

STATUSES: Final = {
    Reason.GUARDRAIL: 403,
    Reason.RULE_DENY: 403,
    Reason.DEFAULT: 403,
    Reason.RATE_EXCEEDED: 429,
    Reason.CONCURRENCY_EXCEEDED: 429,
    Reason.LIMIT_TABLE_FULL: 503,
    Reason.LIMITS_UNAVAILABLE: 503,
    Reason.MALFORMED_REQUEST: 400,
    Reason.NAME_MISMATCH: 421,
    Reason.NOT_CANONICAL: 400,
    Reason.NO_ROUTE: 404,
    Reason.PROTOCOL_REFUSED: 403,
    Reason.NO_CERTIFICATE: 403,
    Reason.IDENTITY_REQUIRED: 407,
    Reason.BODY_TOO_LARGE: 413,
    Reason.TARGET_TOO_LONG: 414,
    Reason.HEAD_TOO_LARGE: 431,
    Reason.HEAD_TIMEOUT: 408,
    Reason.BODY_TIMEOUT: 408,
    Reason.CLIENT_TIMEOUT: 408,
    Reason.IDLE_TIMEOUT: 408,
    Reason.CAPACITY: 503,
    Reason.UPSTREAM_UNRESOLVED: 502,
    Reason.UPSTREAM_REFUSED: 502,
    Reason.UPSTREAM_UNTRUSTED: 502,
    Reason.UPSTREAM_EXPIRED: 502,
    Reason.UPSTREAM_NOT_YET_VALID: 502,
    Reason.UPSTREAM_SELF_SIGNED: 502,
    Reason.UPSTREAM_UNKNOWN_AUTHORITY: 502,
    Reason.UPSTREAM_WRONG_NAME: 502,
    Reason.UPSTREAM_REVOKED: 502,
    Reason.UPSTREAM_REVOCATION_UNKNOWN: 502,
    Reason.UPSTREAM_WEAK_CERTIFICATE: 502,
    Reason.UPSTREAM_BAD_CERTIFICATE: 502,
    Reason.UPSTREAM_TLS_NOT_AGREED: 502,
    Reason.UPSTREAM_NO_TLS: 502,
    Reason.UPSTREAM_BROKEN: 502,
    Reason.UPSTREAM_TIMEOUT: 504,
    Reason.UPSTREAM_UNAVAILABLE: 503,
    Reason.UPSTREAM_BUSY: 503,
    Reason.POLICY_CHANGED: 403,
    Reason.GATEWAY_STOPPED: 503,
    Reason.PARENT_REFUSED: 502,
    Reason.PARENT_TIMEOUT: 504,
    Reason.AUDIT_UNAVAILABLE: 503,
    Reason.UNKNOWN_OBLIGATION: 500,
    Reason.INTERNAL_ERROR: 500,
}
"""The status of every reason to refuse, unless the refusal says another."""

ERRORS: Final = {
    Reason.MALFORMED_REQUEST: "http_request_error",
    Reason.NAME_MISMATCH: "http_request_error",
    Reason.NOT_CANONICAL: "http_request_error",
    Reason.NO_ROUTE: "destination_not_found",
    Reason.PROTOCOL_REFUSED: "http_request_denied",
    Reason.TARGET_TOO_LONG: "http_request_error",
    Reason.HEAD_TOO_LARGE: "http_request_error",
    Reason.HEAD_TIMEOUT: "http_request_error",
    Reason.BODY_TIMEOUT: "http_request_error",
    Reason.CLIENT_TIMEOUT: "http_request_error",
    Reason.IDLE_TIMEOUT: "connection_timeout",
    Reason.CAPACITY: "connection_limit_reached",
    Reason.UPSTREAM_UNRESOLVED: "dns_error",
    Reason.UPSTREAM_REFUSED: "connection_refused",
    Reason.UPSTREAM_UNTRUSTED: "tls_certificate_error",
    Reason.UPSTREAM_EXPIRED: "tls_certificate_error",
    Reason.UPSTREAM_NOT_YET_VALID: "tls_certificate_error",
    Reason.UPSTREAM_SELF_SIGNED: "tls_certificate_error",
    Reason.UPSTREAM_UNKNOWN_AUTHORITY: "tls_certificate_error",
    Reason.UPSTREAM_WRONG_NAME: "tls_certificate_error",
    Reason.UPSTREAM_REVOKED: "tls_certificate_error",
    Reason.UPSTREAM_REVOCATION_UNKNOWN: "tls_certificate_error",
    Reason.UPSTREAM_WEAK_CERTIFICATE: "tls_certificate_error",
    Reason.UPSTREAM_BAD_CERTIFICATE: "tls_certificate_error",
    Reason.UPSTREAM_TLS_NOT_AGREED: "tls_protocol_error",
    Reason.UPSTREAM_NO_TLS: "tls_protocol_error",
    Reason.UPSTREAM_BROKEN: "http_protocol_error",
    Reason.UPSTREAM_TIMEOUT: "connection_timeout",
    Reason.UPSTREAM_UNAVAILABLE: "destination_unavailable",
    Reason.UPSTREAM_BUSY: "connection_limit_reached",
    Reason.PARENT_REFUSED: "connection_refused",
    Reason.PARENT_TIMEOUT: "connection_timeout",
    Reason.AUDIT_UNAVAILABLE: "proxy_internal_error",
    Reason.UNKNOWN_OBLIGATION: "proxy_configuration_error",
    Reason.INTERNAL_ERROR: "proxy_internal_error",
}
"""The error type that Proxy-Status gives (RFC 9209 section 2.3); every other reason is `http_request_denied`."""

_DETAILS: Final = {
    Reason.GUARDRAIL: "This is refused by a rule that nothing overrides.",
    Reason.RULE_DENY: "This is refused by a rule.",
    Reason.DEFAULT: "No rule allows this.",
    Reason.RATE_EXCEEDED: "Too many requests. Try again later.",
    Reason.CONCURRENCY_EXCEEDED: "Too many requests at the same time. Try again when others have ended.",
    Reason.LIMIT_TABLE_FULL: "The gateway is busy. Try again later.",
    Reason.LIMITS_UNAVAILABLE: "The gateway is busy. Try again later.",
    Reason.IDENTITY_REQUIRED: "The gateway must know who is asking.",
    Reason.BODY_TIMEOUT: "The body of the request did not come in time.",
    Reason.CAPACITY: "The gateway is busy. Try again later.",
    Reason.UPSTREAM_UNRESOLVED: "The name of the destination could not be resolved.",
    Reason.UPSTREAM_REFUSED: "The destination could not be reached.",
    Reason.UPSTREAM_UNTRUSTED: "The destination could not prove who it is.",
    Reason.UPSTREAM_EXPIRED: "The certificate of the destination has expired.",
    Reason.UPSTREAM_NOT_YET_VALID: "The certificate of the destination is not valid yet.",
    Reason.UPSTREAM_SELF_SIGNED: "The destination vouches for itself, and nobody else does.",
    Reason.UPSTREAM_UNKNOWN_AUTHORITY: "The destination is vouched for by an authority that is not trusted here.",
    Reason.UPSTREAM_WRONG_NAME: "The certificate of the destination is for another name.",
    Reason.UPSTREAM_REVOKED: "The certificate of the destination was revoked.",
    Reason.UPSTREAM_REVOCATION_UNKNOWN: "Whether the certificate of the destination was revoked cannot be found out.",
    Reason.UPSTREAM_WEAK_CERTIFICATE: "The certificate of the destination is too weak to prove anything.",
    Reason.UPSTREAM_BAD_CERTIFICATE: "The certificate of the destination cannot be used for what it is shown for.",
    Reason.UPSTREAM_TLS_NOT_AGREED: "The destination speaks no version or cipher of TLS that is safe enough.",
    Reason.UPSTREAM_NO_TLS: "The destination does not speak TLS.",
    Reason.UPSTREAM_BROKEN: "The destination gave no usable answer.",
    Reason.UPSTREAM_TIMEOUT: "The destination took too long to answer.",
    Reason.UPSTREAM_UNAVAILABLE: "The destination is out of service. Try again later.",
    Reason.UPSTREAM_BUSY: "The destination is busy. Try again later.",
    Reason.PARENT_REFUSED: "The proxy behind this gateway does not let the request pass.",
    Reason.PARENT_TIMEOUT: "The proxy behind this gateway took too long to answer.",
    Reason.AUDIT_UNAVAILABLE: "The gateway cannot write its records, so it lets nothing through.",
    Reason.UNKNOWN_OBLIGATION: "The policy asks for something that the gateway cannot do.",
    Reason.INTERNAL_ERROR: "The gateway could not judge this request, so it refuses it.",
}

_CLOSING: Final = frozenset(
    {Reason.MALFORMED_REQUEST, Reason.NAME_MISMATCH, Reason.HEAD_TOO_LARGE, Reason.HEAD_TIMEOUT, Reason.TARGET_TOO_LONG}
)
"""After these nobody knows where the next request would begin, or whether it is worth reading."""

_FIXED_DETAIL: Final = frozenset(
    {
        Reason.INTERNAL_ERROR,
        Reason.UPSTREAM_BROKEN,
        Reason.UPSTREAM_REFUSED,
        Reason.UPSTREAM_UNRESOLVED,
        Reason.PARENT_REFUSED,
    }
)
"""Reasons whose message may speak of the inside and is for the record alone."""

_PORTS: Final = {"http": 80, "https": 443}
_STARTED: Final = ((b"Cache-Control", b"no-store"),)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A denial together with how it is said: a status other than the reason's own, fields such as Location."""

    decision: Decision
    said_as: int | None = None
    fields: RawFields = ()

    @property
    def status(self) -> int:
        """The status of the answer."""
        return STATUSES[self.decision.reason] if self.said_as is None else self.said_as


def refusal(reason: Reason, message: str | None = None, *, status: int | None = None) -> Refusal:
    """A denial that no rule made, with the sentence that explains it."""
    return Refusal(refuse(reason, message), status)


def for_request(exchange: Exchange, flow: HTTPFlow, refused: Refusal) -> Response:
    """The answer to a refused request."""
    fields = flow.request.headers
    answer = _answer(exchange, refused, wants_html=_wants_html(fields.get("accept", "")))
    if refused.decision.reason in _CLOSING or exchange.asked_to_close:
        answer.headers["Connection"] = "close"
    if flow.request.method == "HEAD":
        answer.raw_content = b""
        answer.headers["Content-Length"] = "0"
    return answer


def for_connect(exchange: Exchange, flow: HTTPFlow, refused: Refusal) -> Response:
    """The answer to a refused CONNECT; it ends the connection, of which nobody could use the rest."""
    answer = for_request(exchange, flow, refused)
    answer.headers["Connection"] = "close"
    return answer


def for_head(exchange: Exchange, refused: Refusal) -> Response:
    """The answer to a head that could not be read, or not in time; it ends the connection."""
    answer = _answer(exchange, refused, wants_html=False)
    answer.headers["Connection"] = "close"
    return answer


def for_upstream_error(flow: HTTPFlow, _message: str) -> Response:
    """The answer in place of one that the upstream never gave; the engine's own words for it stay inside.

    The exchange's outcome says why, if the dialling hooks learnt it. Raises LookupError for a flow that was never
    judged, which refuses it.
    """
    exchange = judged(flow)
    if (exchange.refused or exchange.stands_in) and flow.response is not None:
        return flow.response
    decision = refuse(Reason.UPSTREAM_BROKEN) if exchange.outcome is None else exchange.outcome
    answer = for_request(exchange, flow, Refusal(decision))
    answer.headers["Connection"] = "close"
    return answer


def limit_fields(states: tuple[LimitState, ...]) -> RawFields:
    """RateLimit-Policy and RateLimit for the rate limits that counted a request; nothing if none did."""
    states = tuple(each for each in states if each.counts_time)
    if not states:
        return ()
    policies = ", ".join(f'"{each.id}";q={each.quota};w={math.ceil(each.window)}' for each in states)
    current = ", ".join(f'"{each.id}";r={each.remaining};t={math.ceil(each.reset)}' for each in states)
    return ((b"RateLimit-Policy", policies.encode()), (b"RateLimit", current.encode()))


def _answer(exchange: Exchange, refused: Refusal, *, wants_html: bool) -> Response:
    page = _page(exchange, refused)
    body = (as_html(page) if wants_html else as_problem(page)).encode()
    kind = HTML.encode() if wants_html else b"application/problem+json"
    fields = Headers(
        (
            (b"Content-Type", kind),
            (b"Content-Length", str(len(body)).encode()),
            *_STARTED,
            *_marks(exchange, refused.decision),
            *(((name.encode(), value.encode()) for name, value in HTML_FIELDS) if wants_html else ()),
            *refused.fields,
        )
    )
    if exchange.security_fields != "off":
        https = exchange.facts.scheme == "https"
        fields.fields = tuple(filled_in(fields.fields, of_own_page(exchange.security_fields, https=https)))
    return Response.make(refused.status, body, fields)


def _marks(exchange: Exchange, decision: Decision) -> list[tuple[bytes, bytes]]:
    error = ERRORS.get(decision.reason, "http_request_denied")
    marks = [
        (b"Wicketgate-Decision", exchange.id.encode()),
        (b"Proxy-Status", f'wicketgate; error={error}; details="{decision.reason}"'.encode()),
    ]
    if decision.retry_after is not None:
        marks.append((b"Retry-After", str(math.ceil(decision.retry_after)).encode()))
    if decision.reason is Reason.IDENTITY_REQUIRED:
        marks.append((b"Proxy-Authenticate", b'Basic realm="wicketgate", charset="UTF-8"'))
    return [*marks, *limit_fields(decision.limits)]


def _page(exchange: Exchange, refused: Refusal) -> Page:
    state, decision = exchange.connection, refused.decision
    return Page(
        status=refused.status,
        title=HTTPStatus(refused.status).phrase,
        detail=_detail(decision),
        reason=decision.reason.value,
        decision=exchange.id,
        rule=decision.rule if exchange.gate.policy.show_rules else None,
        contact=state.contact,
        client=_text(exchange.facts.client_ip),
        asked=_asked(state, exchange),
        wait=None if decision.retry_after is None else math.ceil(decision.retry_after),
    )


def _detail(decision: Decision) -> str:
    standard = _DETAILS.get(decision.reason, "The gateway refuses this request.")
    if decision.message is None or decision.reason in _FIXED_DETAIL:
        return standard
    return decision.message if decision.rule is not None else mask_text(decision.message)


def _asked(state: ConnectionState, exchange: Exchange) -> str | None:
    """What was asked for: the address without its query, which may hold secrets."""
    facts = exchange.facts
    if isinstance(facts.host, Missing):
        return None if state.connect_host is None else str(state.connect_host)
    scheme, port = _text(facts.scheme), facts.port
    authority = str(facts.host) if isinstance(port, Missing) else facts.host.authority(port, _PORTS.get(scheme or ""))
    path = "" if isinstance(facts.target, Missing) else mask_text(facts.target.path)
    return f"{scheme}://{authority}{path}" if scheme else authority


def _text(fact: Fact[object]) -> str | None:
    return None if isinstance(fact, Missing) else str(fact)


def _wants_html(accept: str) -> bool:
    """Whether `text/html` is named with a weight above zero: browsers name it, programs rarely do."""
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if kind in {"text/html", "application/xhtml+xml"}:
            return not any(part.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for part in parameters)
    return False
