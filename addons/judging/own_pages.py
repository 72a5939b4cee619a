"""The gateway's own pages, answered by itself: nothing is resolved or dialled, and every answer is on record.

The connection was judged when it came. The request is put to the gate as any other: a guardrail or a rule that denies
it for certain denies it, and what could only be known of a destination is not asked, because there is none. The
default alone does not count, so that who may reach nothing can still read what this proxy is and whom to ask. Limits
are not charged, as they are not for refusals: the answer lies in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response

from addons.judging import heads
from addons.judging.exchange import known
from addons.judging.refusals import Refusal, refusal
from gateway.pages import home
from gateway.pages.home import Home
from gateway.pages.site import Asked
from gateway.policy.model import Decision, Pending, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.x509 import Certificate
    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from addons.judging.recording import Recorder
    from gateway.pages.site import Answer, Site
    from gateway.policy.model import Facts

_PLAIN_ONLY: Final = f"The gateway's own pages are read without TLS and without a tunnel: http://{home.NAME}/"


def no_tunnel(facts: Facts) -> Refusal | None:
    """Why no tunnel is opened to the gateway's own name; None for all others."""
    return refusal(Reason.PROTOCOL_REFUSED, _PLAIN_ONLY) if known(facts.host) == home.NAME else None


class OwnPages:
    """Answers what is asked of the gateway itself. `certificates` are those of the authority, the one in use first."""

    def __init__(self, site: Site, certificates: Callable[[], tuple[Certificate, ...]], recorder: Recorder) -> None:
        self._site: Final = site
        self._certificates: Final = certificates
        self._recorder: Final = recorder

    async def answer(self, exchange: Exchange, flow: HTTPFlow) -> Refusal | None:
        """Answer, with the records before the answer; or say why not."""
        facts = exchange.facts
        if known(facts.scheme) != "http":
            return refusal(Reason.PROTOCOL_REFUSED, _PLAIN_ONLY)
        judged = exchange.gate.request(facts)
        if not isinstance(judged, Pending) and judged.denied and judged.reason is not Reason.DEFAULT:
            return Refusal(judged)
        answer = self._site.answer(known(facts.method), self._asked(exchange, flow))
        decision = await self._recorder.allowed(exchange, Decision(verdict=Verdict.ALLOW, reason=Reason.OWN_PAGE))
        if decision.denied:
            return Refusal(decision)
        flow.response = response = _response(exchange, answer, with_body=facts.method != "HEAD")
        exchange.status, exchange.down = answer.status, len(response.raw_content or b"")
        self._recorder.ended(exchange)
        return None

    def _asked(self, exchange: Exchange, flow: HTTPFlow) -> Asked:
        state, policy = exchange.connection, exchange.gate.policy
        entry = state.listener.settings.entry
        through = entry != "proxy" or heads.line_of(flow.request).form != "origin"
        here = Home(state.reached, state.known_as, is_proxy=entry == "proxy")
        return Asked(
            path=known(exchange.facts.target).path,
            proxy=here.proxy_for(None if through else flow.request.headers["host"]),
            through=through,
            certificates=self._certificates(),
            policy=policy.name if policy.show_rules else None,
            digest=policy.digest,
        )


def _response(exchange: Exchange, answer: Answer, *, with_body: bool) -> Response:
    fields = [
        *answer.fields,
        ("Content-Length", str(len(answer.body))),
        ("Wicketgate-Decision", exchange.id),
        *((("Connection", "close"),) if exchange.asked_to_close else ()),
    ]
    raw = Headers(tuple((name.encode("ascii"), value.encode("ascii")) for name, value in fields))
    response = Response.make(answer.status, answer.body, raw)
    if not with_body:
        response.raw_content = b""
    return response
