"""Redirects and fixed responses of routes: judged to the last word and recorded like any request, and never dialled.

There is no destination, so what a policy asks of its address is absent, not unknown. Limits are charged, the answer is
judged as one of an upstream would be, and what the policy obliges the gateway to do with answers is done. Reason and
rule of the record are those of the gate; `answers` in it says that nobody else was asked.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response

from addons.judging.enforcing import charged, enforceable
from addons.judging.exchange import known
from addons.judging.refusals import Refusal, limit_fields
from gateway.policy.model import ABSENT, EditResponse
from gateway.upstreams.answers import Redirect
from gateway.upstreams.safety import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from addons.judging.recording import Recorder
    from gateway.policy.model import Decision
    from gateway.policy.paths import Target
    from gateway.upstreams.answers import OwnAnswer
    from gateway.upstreams.routes import OwnRoute

type RawField = tuple[bytes, bytes]

_NO_CONTENT: Final = 204


class OwnAnswers:
    """Gives the answers of routes that have no upstream. `clock` gives seconds since the epoch, UTC."""

    def __init__(self, recorder: Recorder, clock: Callable[[], float]) -> None:
        self._recorder: Final = recorder
        self._clock: Final = clock

    async def answer(self, exchange: Exchange, flow: HTTPFlow, route: OwnRoute) -> Refusal | None:
        """Answer, with the records before the answer; or say why not."""
        status, fields, body = _content(route, known(exchange.facts.target))
        decision = await _judge(exchange, status, route.answer)
        if decision.denied:
            return Refusal(decision)
        exchange.answers = "redirect" if isinstance(route.answer, Redirect) else "response"
        decision = await self._recorder.allowed(exchange, decision)
        if decision.denied:
            return Refusal(decision)
        fields = [*fields, (b"Date", _date(self._clock())), *_security_fields(exchange, route)]
        fields = _completed(exchange, decision, fields)
        flow.response = response = Response.make(status, b"" if exchange.facts.method == "HEAD" else body)
        response.headers = Headers(tuple(fields))  # as they are: the length of what HEAD leaves out, none for 204
        exchange.status, exchange.down = status, len(response.raw_content or b"")
        self._recorder.ended(exchange)
        return None


def _security_fields(exchange: Exchange, route: OwnRoute) -> tuple[RawField, ...]:
    preset = exchange.security_fields if route.security_fields is None else route.security_fields
    return fields_of(preset, https=exchange.facts.scheme == "https")


def _content(route: OwnRoute, target: Target) -> tuple[int, list[RawField], bytes]:
    """Status, fields and body of an answer; of the request nothing but its canonical target comes in."""
    answer = route.answer
    if isinstance(answer, Redirect):
        path = target.path if route.rewriting is None else route.rewriting.there(target.path)
        location = answer.location(path, target.query).encode("ascii")
        return answer.status, [(b"Location", location), (b"Content-Length", b"0")], b""
    if answer.status == _NO_CONTENT:
        return answer.status, [], b""
    kind = [(b"Content-Type", answer.type.encode("ascii"))] if answer.type else []
    return answer.status, [*kind, (b"Content-Length", b"%d" % len(answer.body))], answer.body


async def _judge(exchange: Exchange, status: int, answer: OwnAnswer) -> Decision:
    """The last word on the request, then on the answer. A place under a limit is held by the exchange meanwhile."""
    gate = exchange.gate
    exchange.facts = replace(exchange.facts, destination_ips=ABSENT, destination_country=ABSENT, destination_asn=ABSENT)
    decision = await charged(enforceable(gate.upstream(exchange.facts)))
    if decision.denied:
        return decision
    kind, size = ("", 0) if isinstance(answer, Redirect) else (answer.type.partition(";")[0], len(answer.body))
    exchange.kind = kind.strip().lower() or ABSENT
    if not gate.policy.needs_response:
        return decision
    exchange.decision = decision
    told = replace(exchange.facts, response_status=status, response_type=exchange.kind, response_size=size)
    answered = enforceable(gate.response(told))
    return decision if answered.allowed else answered


def _completed(exchange: Exchange, decision: Decision, fields: list[RawField]) -> list[RawField]:
    """The fields with what the policy wants of answers, and what the gateway says of itself."""
    for obligation in decision.obligations:
        if isinstance(obligation, EditResponse):
            fields = obligation.edit.apply(fields)
    fields += [*limit_fields(decision.limits), (b"Wicketgate-Decision", exchange.id.encode("ascii"))]
    return [*fields, (b"Connection", b"close")] if exchange.asked_to_close else fields


def _date(now: float) -> bytes:
    return formatdate(now, usegmt=True).encode("ascii")
