"""Answers of upstreams, judged before a byte of them passes; what may not pass is replaced by a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.judging import heads, refusals, translate
from addons.judging.enforcing import enforceable
from addons.judging.exchange import judged
from addons.judging.refusals import Refusal
from addons.judging.remembered import known_answer
from addons.passing import bodies, name_answers
from gateway.policy.addresses import Address
from gateway.policy.model import Mode, Reason, refuse

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Response

    from addons.judging.exchange import Exchange
    from gateway.policy.model import Decision, Facts

_SWITCHING: Final = 101
_ASKS_FOR_CREDENTIALS: Final = 407


def judge(flow: HTTPFlow) -> None:
    """Judge the answer of a flow, and count its body if it may pass."""
    exchange, response = judged(flow), flow.response
    if response is None or exchange.refused:
        return
    exchange.status = response.status_code
    exchange.reached = exchange.reached or _peer(flow)
    facts = translate.response_facts(exchange.facts, flow.request, response, exchange.up)
    exchange.kind = facts.response_type
    decision = _answer_denied(exchange, facts, response)
    if decision is None:
        exchange.answered = facts
        response.stream = bodies.of_response(exchange, facts)
        if name_answers.is_one(facts) and exchange.connection.mode is Mode.FORWARD:
            response.stream = name_answers.guarded(exchange, response, response.stream)
        return
    exchange.outcome = decision
    answer = refusals.for_request(exchange, flow, Refusal(decision))
    bodies.put_in_place(flow, answer, has_body=facts.response_size != 0)
    exchange.status, exchange.down = answer.status_code, len(answer.raw_content or b"")


def _peer(flow: HTTPFlow) -> Address | None:
    """The other end of the connection that answers, which may have stood before."""
    peer = flow.server_conn.peername
    return None if peer is None else Address.parse(peer[0])


def _answer_denied(exchange: Exchange, facts: Facts, response: Response) -> Decision | None:
    """Why an answer may not pass, or None: it breaks the protocol or changes it unasked, or the policy denies it."""
    if exchange.parent is not None and facts.scheme == "http" and response.status_code == _ASKS_FOR_CREDENTIALS:
        return refuse(Reason.PARENT_REFUSED, "The parent proxy asks for other credentials.")
    if (response.status_code == _SWITCHING and facts.protocol != "websocket") or not _is_clean(response):
        return refuse(Reason.UPSTREAM_BROKEN)
    if not exchange.gate.policy.needs_response:
        return None
    decision = enforceable(exchange.gate.response(facts))
    return decision if decision.denied else None


def _is_clean(response: Response) -> bool:
    """Whether nothing in the fields could end them early; what came before was looked at then."""
    known = known_answer(response)
    if known is None:
        return heads.is_clean(response)
    if not known.is_clean:
        known.is_clean = heads.is_clean(response)
    return known.is_clean
