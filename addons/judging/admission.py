"""Admission: at every step of a request's life the gate is asked, and what it says is done.

Nothing is dialled, forwarded or spliced before the last word: the head is judged, the name resolved, every address
judged and the allow recorded while the request is still held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.caching.unserved import without_name, without_server
from addons.judging import answers, own_pages, refusals, translate
from addons.judging.destinations import Destination, located, path_sent, tunnel_destination
from addons.judging.enforcing import charged, enforceable
from addons.judging.exchange import attach, exchange_of, known
from addons.judging.forwarded import is_looping
from addons.judging.own_answers import OwnAnswers
from addons.judging.refusals import Refusal, refusal
from addons.judging.repeated import first_word, where_to
from addons.passing import bodies
from addons.upstream import dialing
from gateway.lists.geography import Geography
from gateway.pages import home
from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Decision,
    Facts,
    Missing,
    Mode,
    Reason,
    refuse,
)
from gateway.upstreams.resolver import Unresolved
from gateway.upstreams.routes import OwnRoute, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow, Response
    from mitmproxy.tls import ClientHello

    from addons.caching.ahead import Ahead
    from addons.entries.parents import Parents
    from addons.judging.exchange import Connections, ConnectionState, Exchange, Listener, Treatment
    from addons.judging.own_pages import OwnPages
    from addons.judging.recording import Recorder
    from addons.judging.translate import Head
    from addons.upstream.dialing import Turns
    from addons.upstream.pools import Pools
    from gateway.config.settings import LimitSettings
    from gateway.policy.addresses import Address
    from gateway.policy.model import Pending
    from gateway.policy.names import Host
    from gateway.upstreams.resolver import Resolver

_ESTABLISHED: Final = 200
_LOOP: Final = 508


class Admission:
    """Asks the gate. `clock` gives seconds since the epoch, UTC; `pseudonym` is the gateway's name in Via."""

    def __init__(  # noqa: PLR0913 - the parts that it brings together
        self,
        connections: Connections,
        recorder: Recorder,
        resolver: Resolver,
        turns: Turns,
        parents: Parents,
        *,
        pools: Pools,
        clock: Callable[[], float],
        pseudonym: str,
        limits: LimitSettings,
        pages: OwnPages,
        ahead: Ahead,
    ) -> None:
        self._connections: Final = connections
        self._recorder: Final = recorder
        self._resolver: Final = resolver
        self._turns: Final = turns
        self._pools: Final = pools
        self._parents: Final = parents
        self._clock: Final = clock
        self._pseudonym: Final = pseudonym
        self._limits: Final = limits
        self._pages: Final = pages
        self._ahead: Final = ahead
        self._geography: Final = Geography()
        self._own_answers: Final = OwnAnswers(recorder, clock)

    def client_connected(self, client: Client) -> None:
        """Close a connection whose address alone is reason enough."""
        state = self._connections.state(client.id)
        facts = translate.connection_facts(state, self._clock())
        decision = _denial(state.gate.connection(facts))
        if decision is not None:
            client.error = "refused"
            self._recorder.refused(self._connections.begin(state, facts), decision, status=None, down=0)

    def http_connect(self, flow: HTTPFlow) -> None:
        """Answer a CONNECT: nothing is dialled for it, whatever the answer is."""
        state = self._connections.state(flow.client_conn.id)
        facts = translate.connect_facts(state, flow, self._clock(), self._limits)
        if isinstance(facts, Facts):
            exchange, refused = self._enter(state, facts, own_pages.no_tunnel(facts))
        else:
            exchange, refused = self._begin(state, None), facts
        self._bind(flow, exchange)
        if refused is not None:
            self._answer(exchange, flow, refused, refusals.for_connect(exchange, flow, refused))
        else:
            flow.request.data.host, flow.request.data.port = str(state.connect_host), known(exchange.facts.port)

    def enter(self, state: ConnectionState, host: Host, port: int) -> Decision | None:
        """Enter a tunnel that was asked for by other words than a CONNECT; the denial, which is on record, or None."""
        facts = translate.connection_facts(state, self._clock())
        exchange, refused = self._enter(state, facts.learning(host=host, port=port, connect=True))
        if refused is None:
            return None
        self._recorder.refused(exchange, refused.decision, status=None, down=0)
        return refused.decision

    def _enter(
        self, state: ConnectionState, facts: Facts, refused: Refusal | None = None
    ) -> tuple[Exchange, Refusal | None]:
        """Ask for a tunnel, whoever wants it in whatever words, and enter it if nothing speaks against it.

        `refused` is what does so already. By SOCKS the own pages are asked for in a tunnel too: it is not TLS.
        """
        exchange = self._begin(state, facts)
        refused = refused or _refused_by(exchange.gate.connect(facts))
        if refused is None:
            state.enter_tunnel(exchange)
        return exchange, refused

    async def hello(self, state: ConnectionState, hello: ClientHello) -> Treatment:
        """Decide what becomes of TLS: inspected, passed on unread, or refused. Says nothing to the client."""
        before = state.tunnel.facts if state.tunnel is not None else translate.connection_facts(state, self._clock())
        facts = translate.hello_facts(state, before.learning(now=self._clock()), hello)
        if isinstance(facts, Refusal):
            return self._turn_away(state, before, facts.decision)
        decision = _denial(state.gate.hello(facts))
        if decision is not None:
            return self._turn_away(state, facts, decision)
        if state.mode is Mode.FORWARD and not state.gate.treatment(facts).inspect:
            return await self._splice(state, facts.learning(tls_inspected=False, scheme="https"))
        state.hear(facts)
        return "inspect"

    async def raw(self, state: ConnectionState) -> Treatment:
        """Decide what becomes of a tunnel whose first bytes are neither TLS nor HTTP."""
        if state.tunnel is None:
            raise LookupError("bytes outside of a tunnel")
        nothing = dict.fromkeys(("tls_sni", "tls_version", "tls_inspected"), ABSENT)
        facts = state.tunnel.facts.learning(now=self._clock(), **nothing)
        return await self._splice(state, facts)

    async def _splice(self, state: ConnectionState, facts: Facts) -> Treatment:
        exchange = state.tunnel
        if exchange is None:
            raise LookupError("only a tunnel can be spliced")
        exchange.facts = facts.learning(protocol="tcp")
        refused = own_pages.no_tunnel(facts) or await self._last_word(
            exchange, tunnel_destination(state, facts), tunnel=True
        )
        if refused is not None:
            return self._turn_away(state, exchange.facts, refused.decision)
        exchange.status, state.treatment = _ESTABLISHED, "splice"
        return "splice"

    def turn_away(self, state: ConnectionState, decision: Decision, hello: ClientHello | None = None) -> Treatment:
        """End a tunnel, or a connection, that cannot be gone on with; it is recorded, with what its hello asked for."""
        facts = translate.connection_facts(state, self._clock()) if state.tunnel is None else state.tunnel.facts
        heard = facts if hello is None else translate.hello_facts(state, facts, hello)
        facts = heard if isinstance(heard, Facts) else facts
        return self._turn_away(state, facts, decision)

    def _turn_away(self, state: ConnectionState, facts: Facts, decision: Decision) -> Treatment:
        """Refuse what can be given no answer: the connection just ends."""
        exchange = self._connections.begin(state, facts) if state.tunnel is None else state.tunnel
        exchange.facts = facts
        self._recorder.refused(exchange, decision, status=None, down=0)
        state.treatment = "refuse"
        return "refuse"

    async def requestheaders(self, flow: HTTPFlow) -> None:
        """Judge a request to the last word before a byte of it is forwarded, and say where it goes."""
        state = self._connections.state(flow.client_conn.id)
        head = translate.request_head(state, flow, self._clock(), self._limits)
        exchange = self._open(flow, state, None if isinstance(head, Refusal) else head.facts)
        state.requests += 1
        state.look_inside()
        if flow.error is not None:
            head = refusal(Reason.MALFORMED_REQUEST, "The head breaks the protocol.")
        try:
            refused = head if isinstance(head, Refusal) else await self._judge(exchange, flow, head)
        except BaseException:
            exchange.release()
            self._ahead.give_up(flow)
            raise
        if self._connections.find(state.id) is None:
            self._recorder.ended(exchange)  # the client left meanwhile, and nobody else is going to say so
        if refused is not None:
            self._ahead.give_up(flow)
            self._answer(exchange, flow, refused, refusals.for_request(exchange, flow, refused))

    async def _judge(self, exchange: Exchange, flow: HTTPFlow, head: Head) -> Refusal | None:
        state, facts = exchange.connection, head.facts
        exchange.asked_to_close = head.last
        if is_looping(flow.request.headers.get_all("via"), self._pseudonym):
            return refusal(Reason.MALFORMED_REQUEST, "The request came through this gateway before.", status=_LOOP)
        if facts.host == home.NAME and state.mode is Mode.FORWARD:
            return await self._pages.answer(exchange, flow)
        exchange.early = first_word(exchange, flow.request, facts)
        refused = _refused_by(exchange.early) or self._too_large(state, facts)
        if refused is not None:
            return refused
        destination = where_to(state, flow.request, facts)
        if isinstance(destination, OwnRoute):
            return await self._own_answers.answer(exchange, flow, destination)
        if isinstance(destination, Route):
            self._follow(exchange, destination)
            if destination.cache is not None and not await self._ahead.needs_server(exchange, flow, head, destination):
                return await without_server(exchange, flow, head, None, self._recorder)
            destination = await self._pools.place(exchange, destination)
        if isinstance(destination, Refusal):
            return await without_server(exchange, flow, head, destination, self._recorder)
        refused = await self._last_word(exchange, destination, tunnel=False)
        while refused is not None and (other := self._without_name(exchange, refused)) is not None:
            destination = other
            refused = await self._last_word(exchange, destination, tunnel=False)
        if refused is not None:
            return await without_name(exchange, flow, head, refused, self._recorder)
        self._let_through(exchange, flow, head, destination)
        return None

    def _follow(self, exchange: Exchange, route: Route) -> None:
        """Remember the route, and the path that it makes of the one that was judged."""
        target = known(exchange.facts.target)
        exchange.route, exchange.sent = route, path_sent(target, route)
        if exchange.sent is not None:
            exchange.early = None  # the other path is judged as well
            exchange.facts = exchange.facts.learning(target=target.known_as(exchange.sent))

    def _without_name(self, exchange: Exchange, refused: Refusal) -> Destination | None:
        """Another server, after the name of one could not be resolved, which is a way of not being there."""
        if refused.decision.reason is not Reason.UPSTREAM_UNRESOLVED:
            return None
        return self._pools.another(exchange, Reason.UPSTREAM_UNRESOLVED)

    def _largest_body(self, state: ConnectionState) -> int | None:
        """A forward listener is bounded by its policy alone."""
        return self._limits.body if state.mode is Mode.REVERSE else None

    def _too_large(self, state: ConnectionState, facts: Facts) -> Refusal | None:
        most, size = self._largest_body(state), facts.request_size
        if most is None or isinstance(size, Missing) or size <= most:
            return None
        return refusal(Reason.BODY_TOO_LARGE, f"The body is larger than {most} bytes.")

    async def _last_word(self, exchange: Exchange, destination: Destination, *, tunnel: bool) -> Refusal | None:
        """Resolve, judge every address, choose one of them, record the allow; in this order."""
        try:
            addresses = await self._addresses(exchange.connection, destination)
        except Unresolved as unresolved:
            return refusal(Reason.UPSTREAM_UNRESOLVED, f"{unresolved.why[0].upper()}{unresolved.why[1:]}.")
        near = addresses if destination.parent is None else await self._parents.addresses(destination.parent)
        if isinstance(near, Refusal):
            return near
        gate = exchange.gate
        exchange.facts = located(exchange.facts, addresses, gate, self._geography)
        facts = exchange.facts
        decision = enforceable(gate.tunnel(facts) if tunnel else gate.upstream(facts, exchange.early))
        if decision.due is not None:
            decision = await charged(decision)
        if decision.allowed:
            exchange.decision = decision
            exchange.endpoint = destination.endpoint
            exchange.parent = destination.parent
            pinned = dialing.pinned(decision, addresses) if destination.parent is None else near
            exchange.judged = self._turns.addresses(destination.endpoint, pinned) if pinned else ()
            decision = await self._recorder.allowed(exchange, decision)
        return _refused_by(decision)

    async def _addresses(self, state: ConnectionState, destination: Destination) -> tuple[Address, ...]:
        """The addresses that a request can reach: those of connections that stand, else all that the name has.

        None at all if only a parent resolves the name. Connections to a parent say nothing of where they end.
        """
        parent = destination.parent
        if parent is not None:
            beyond = parent.resolves == "parent" and destination.host.address is None
            return () if beyond else await self._resolver.resolve(destination.host)
        return state.reached_at(destination.endpoint) or await self._resolver.resolve(destination.host)

    def _let_through(self, exchange: Exchange, flow: HTTPFlow, head: Head, destination: Destination) -> None:
        translate.write_head(flow, head)
        if exchange.sent is not None:
            flow.request.data.path = known(head.facts.target).sent_as(exchange.sent).encode("ascii")
        dialing.aim(flow, destination.scheme, destination.endpoint)
        if exchange.facts.request_size is UNKNOWN or exchange.facts.request_size:
            flow.request.stream = bodies.of_request(exchange, self._largest_body(exchange.connection))

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Judge an answer, and count its body if it may pass."""
        answers.judge(flow)

    def unjudged(self, flow: HTTPFlow) -> Response:
        """Answer and record a request whose judging failed, of which nothing was forwarded yet."""
        state = self._connections.state(flow.client_conn.id)
        exchange = exchange_of(flow)
        if exchange is None:
            exchange = self._open(flow, state, None)
        decision = refuse(Reason.INTERNAL_ERROR)
        answer = refusals.for_connect(exchange, flow, Refusal(decision))
        self._recorder.broken(exchange, decision, answer=answer)
        state.told = True
        return answer

    def refused_head(self, client: Client, decision: Decision) -> Response:
        """Record and answer a head that the layers below could not read, or not in time."""
        exchange = self._unnamed(client)
        answer = refusals.for_head(exchange, Refusal(decision))
        self._record_refusal(exchange, decision, answer)
        return answer

    def refused_connection(self, client: Client, decision: Decision) -> None:
        """Record that a connection is ended for what the client did on it; there is no request to answer."""
        self._recorder.refused(self._unnamed(client), decision, status=None, down=0)

    def _unnamed(self, client: Client) -> Exchange:
        """An exchange of which nothing is known but whose it is."""
        state = self._connections.state(client.id)
        state.requests += 1
        state.look_inside()
        return self._connections.begin(state, translate.connection_facts(state, self._clock()))

    def no_room(self, client: Client, listener: Listener) -> Response:
        """Record and answer a connection for which there is no room; nothing of it is kept."""
        state = self._connections.opened(client, listener)
        try:
            exchange, decision = self._unnamed(client), refuse(Reason.CAPACITY, "There are too many connections.")
            answer = refusals.for_head(exchange, Refusal(decision))
            self._record_refusal(exchange, decision, answer)
            state.refused = exchange
            self.ended(state)
            return answer
        finally:
            self._connections.closed(client.id)

    def ended(self, state: ConnectionState) -> None:
        """Record the end of a connection that was refused before anything was built for it."""
        self._recorder.unasked(state)

    def _open(self, flow: HTTPFlow, state: ConnectionState, facts: Facts | None) -> Exchange:
        exchange = self._begin(state, facts)
        self._bind(flow, exchange)
        return exchange

    def _bind(self, flow: HTTPFlow, exchange: Exchange) -> None:
        attach(flow, exchange)
        if self._connections.tracing is not None:
            self._connections.tracing.follow(exchange, flow.request.headers)

    def _begin(self, state: ConnectionState, facts: Facts | None) -> Exchange:
        return self._connections.begin(state, facts or translate.connection_facts(state, self._clock()))

    def _answer(self, exchange: Exchange, flow: HTTPFlow, refused: Refusal, answer: Response) -> None:
        flow.response = answer
        self._record_refusal(exchange, refused.decision, answer)

    def _record_refusal(self, exchange: Exchange, decision: Decision, answer: Response) -> None:
        self._recorder.refused(exchange, decision, status=answer.status_code, down=len(answer.raw_content or b""))


def _denial(answer: Decision | Pending) -> Decision | None:
    return answer if isinstance(answer, Decision) and answer.denied else None


def _refused_by(answer: Decision | Pending) -> Refusal | None:
    decision = _denial(answer)
    return None if decision is None else Refusal(decision)
