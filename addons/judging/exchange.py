"""What is remembered of a client's connection, and of each exchange on it, from the first byte to the last record.

An exchange takes one snapshot of its listener's policy when it begins, and everything in it is judged by that: no
request is decided by two policies, and a connection that lives long meets a new policy with its next request.
An exchange is one request with its answer, or one tunnel that is passed on unread. Whatever happens to it, its lease
goes back once and its end is recorded once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, UNKNOWN, Fact, Facts, Mode, Reason
from gateway.upstreams.pools.pool import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mitmproxy.connection import Client, Connection
    from mitmproxy.http import HTTPFlow

    from addons.judging.refusals import Refusal
    from addons.judging.tracing import Tracer
    from gateway.audit.writing.phrases import Phrases
    from gateway.config.settings import ListenerSettings
    from gateway.policy.gate import Gate
    from gateway.policy.model import Decision, Pending
    from gateway.policy.names import Host
    from gateway.traces.spans import Trace
    from gateway.upstreams.parents import Parent, ParentTable
    from gateway.upstreams.pools.pool import PlaceAt
    from gateway.upstreams.routes import Route, RouteTable
    from gateway.upstreams.safety import SecurityPreset

type Treatment = Literal["inspect", "splice", "refuse"]
"""What becomes of a tunnel once its hello was heard."""

type Endpoint = tuple[str, int]
"""A host as it is spelled canonically, with a port: the name under which addresses are judged and connections kept."""

_KEY: Final = "wicketgate"
_OF_UPSTREAM: Final = "upstream-"
_SERVER_ERROR: Final = 500
_ABOARD: Final = "wicketgate_aboard"


class PolicySource(Protocol):
    """Holds the policy of a listener, which may be replaced at any time."""

    @property
    def current(self) -> Gate:
        """The gate that is in force now."""


class Listener(Protocol):
    """What the adapters need of the socket on which a client came in."""

    @property
    def name(self) -> str:
        """Its name in records and errors."""

    @property
    def mode(self) -> Mode:
        """Which way it faces."""

    @property
    def settings(self) -> ListenerSettings:
        """How it was configured."""

    @property
    def store(self) -> PolicySource:
        """Where its policy comes from."""

    @property
    def routes(self) -> RouteTable | None:
        """Where requests go in reverse mode; None in forward mode."""

    @property
    def parents(self) -> ParentTable:
        """Through which other proxies requests go in forward mode."""


class Identity(Protocol):
    """Who a client proved to be."""

    @property
    def name(self) -> str:
        """What policy and log call it."""

    @property
    def field(self) -> bytes:
        """Its certificate, as a backend is told of it (RFC 9440)."""


class Cut(Exception):  # noqa: N818 - it says what happened to the body, and is no error of anybody
    """A body crossed a bound while it streamed: nothing more of it may be forwarded, and no end of it either.

    Raised out of a counting stream, because returning nothing would let the layer write a regular end of the body.
    """

    def __init__(self, exchange: Exchange) -> None:
        super().__init__("the body crossed a bound")
        self.exchange: Final = exchange


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and its answer, or one spliced tunnel.

    `id` is the decision id. `started` is on the monotonic clock, in seconds; so is `let_through`, once it was. `early`
    is what the gate said of the head, as long as that holds; `decision` is what was decided before anything was
    forwarded, `outcome` what was decided later, if anything was: a refused answer, a cut body, a failed upstream.
    `endpoint` is where it goes; `judged` the addresses that were judged for it, in the order in which they are tried,
    or those of the `parent` through which it goes; `reached` the one that answered. `up` and `down` count bytes of
    bodies. `route` is the one that was found; `sent` the path that is sent, if it is not the one that was judged;
    `answers` what the gateway answers by itself, if nothing is dialled. `place` is its place at a server of an
    upstream, `attempts` names the servers that failed it before, each with the reason. `given_up` says that the client
    ended it, or broke it, while its connection goes on. `kind` is the media type of the answer that was judged.
    `cache` is what the cache did for it, where its route has one; `instead` the content that takes the place of an
    upstream's that has none; `stands_in` says that a kept answer takes the place of one that never came, `unserved`
    how to refuse if none is kept, because nobody can be asked. `answered` are the facts together with those of the
    answer, once that has begun. `trace` is the one that it belongs to, where there are traces.
    """

    id: str
    connection: ConnectionState
    gate: Gate
    started: float
    facts: Facts
    early: Decision | Pending | None = None
    decision: Decision | None = None
    outcome: Decision | None = None
    status: int | None = None
    up: int = 0
    down: int = 0
    route: Route | None = None
    sent: str | None = None
    answers: Literal["redirect", "response"] | None = None
    endpoint: Endpoint | None = None
    judged: tuple[Address, ...] = ()
    parent: Parent | None = None
    reached: Address | None = None
    place: PlaceAt | None = None
    attempts: list[tuple[str, Reason]] = field(default_factory=list)
    kind: Fact[str] = UNKNOWN
    cache: str | None = None
    instead: bytes = b""
    stands_in: bool = False
    unserved: Refusal | None = None
    answered: Facts | None = None
    asked_to_close: bool = False
    request_done: bool = False
    response_done: bool = False
    recorded: bool = False
    ended: bool = False
    given_up: bool = False
    let_through: float | None = None
    trace: Trace | None = None

    @property
    def admitted(self) -> bool:
        """Whether the gate let it through, and the record of that was accepted."""
        return self.recorded and self.decision is not None and self.decision.allowed

    @property
    def refused(self) -> bool:
        """Whether its request was answered by the gateway itself."""
        return not self.admitted

    @property
    def security_fields(self) -> SecurityPreset:
        """What is filled into its answer: as its route says, else as the listener does."""
        route = self.route
        said = None if route is None else route.security_fields
        return self.connection.listener.settings.security_fields if said is None else said

    def release(self) -> None:
        """Give back the place at a server, and the one under a concurrency limit; a second call does nothing."""
        if self.place is not None:
            self.place.end(self._came_of_it)
        if self.decision is not None and self.decision.lease is not None:
            self.decision.lease.release()

    @property
    def _came_of_it(self) -> Outcome:
        """What the exchange says of the server. Of a client that keeps its own body back, nobody else is guilty."""
        if self.outcome is not None:
            is_slow_client = self.outcome.reason is Reason.UPSTREAM_TIMEOUT and not self.request_done
            blames = self.outcome.reason.startswith(_OF_UPSTREAM) and not is_slow_client
            return Outcome.FAILED if blames else Outcome.UNTOLD
        if self.status is None or self.refused:
            return Outcome.UNTOLD
        return Outcome.FAILED if self.status >= _SERVER_ERROR else Outcome.SERVED


@dataclass(slots=True, eq=False)
class ConnectionState:
    """One client's connection.

    `peer` and `port` are the other end of the socket, `reached` is this end of it, and `known_as` the address of the
    proxy that people are told, if the operator named one; `client` is who stands behind it (another only behind a
    trusted proxy). `connect_host` and `connect_port` are what a CONNECT asked for, `tunnel` its exchange while nobody
    knows whether it will be inspected. `begun` says that something was asked for or refused, `requests` counts those
    that were judged, `trouble` says what broke the handshake, `refused` is the exchange that ended all without an
    answer, `told` says that a failure of the gateway was answered and recorded already.
    `links` holds the open upstream connections by their ids, with the address that each really reaches; `unverified`
    are those upstreams that were spoken to in TLS without asking who they are. `phrases` are what its records say again
    and again. `original` is where a connection was on
    its way to that was redirected here, address and port. `balancer` is who said by a PROXY header that the client is
    `peer`, and `identity` who the client proved to be by a certificate.
    """

    id: str
    listener: Listener
    gate: Gate
    peer: Address
    port: int
    started: float
    contact: str | None = None
    reached: tuple[str, int] = ("", 0)
    known_as: tuple[Host, int] | None = None
    original: tuple[Address, int] | None = None
    balancer: Address | None = None
    identity: Identity | None = None
    connect_host: Host | None = None
    connect_port: int | None = None
    tunnel: Exchange | None = None
    treatment: Treatment | None = None
    tls_sni: Fact[Host] = ABSENT
    tls_version: Fact[str] = ABSENT
    inspected: Fact[bool] = ABSENT
    exchanges: list[Exchange] = field(default_factory=list)
    begun: bool = False
    requests: int = 0
    trouble: str | None = None
    refused: Exchange | None = None
    told: bool = False
    links: dict[Endpoint, dict[str, Address]] = field(default_factory=dict)
    unverified: set[Endpoint] = field(default_factory=set)
    phrases: Phrases | None = None

    @property
    def mode(self) -> Mode:
        """Which way the listener faces."""
        return self.listener.mode

    @property
    def in_tunnel(self) -> bool:
        """Whether a CONNECT was accepted on this connection."""
        return self.connect_host is not None

    def enter_tunnel(self, exchange: Exchange) -> None:
        """A CONNECT was accepted; what becomes of its tunnel is decided by the first bytes in it."""
        facts = exchange.facts
        self.connect_host, self.connect_port, self.tunnel = known(facts.host), known(facts.port), exchange

    def hear(self, facts: Facts) -> None:
        """TLS will be inspected: what its hello said holds for every request inside."""
        self.tls_sni, self.tls_version, self.inspected = facts.tls_sni, facts.tls_version, True
        self.treatment = "inspect"
        self.look_inside()

    def look_inside(self) -> None:
        """What is in the tunnel is judged by itself, so the tunnel is no exchange of its own any more."""
        self.exchanges = [each for each in self.exchanges if each is not self.tunnel]

    def linked(self, endpoint: Endpoint, server_id: str, address: Address) -> None:
        """An upstream connection stands."""
        self.links.setdefault(endpoint, {})[server_id] = address

    def unlinked(self, endpoint: Endpoint, server_id: str) -> None:
        """An upstream connection is gone."""
        links = self.links.get(endpoint, {})
        links.pop(server_id, None)
        if not links:
            self.links.pop(endpoint, None)

    def reached_at(self, endpoint: Endpoint) -> tuple[Address, ...]:
        """The addresses of the connections to `endpoint` that stand and may be used again."""
        return tuple(dict.fromkeys(self.links.get(endpoint, {}).values()))

    def going_to(self, endpoint: Endpoint) -> Exchange | None:
        """The admitted exchange that may dial `endpoint` now, if there is one."""
        return next((each for each in reversed(self.exchanges) if each.admitted and each.endpoint == endpoint), None)


@dataclass(slots=True)
class Connections:
    """Every open client connection by its id.

    `new_id` gives decision ids, `timer` is a monotonic clock in seconds, `contact` whom refused people may ask,
    `known_as` the address of the proxy that they are told. `tracing` begins and ends traces, if there are any.
    """

    new_id: Callable[[], str]
    timer: Callable[[], float]
    contact: str | None = None
    known_as: tuple[Host, int] | None = None
    tracing: Tracer | None = None
    _states: dict[str, ConnectionState] = field(default_factory=dict)

    def opened(self, client: Client, listener: Listener) -> ConnectionState:
        """Remember a connection before anything is read from it, with the policy that is in force now.

        Raises Malformed if the peer's address is none; such a connection is not to be served.
        """
        state = ConnectionState(
            id=client.id,
            listener=listener,
            gate=listener.store.current,
            peer=Address.parse(client.peername[0]),
            port=client.peername[1],
            started=self.timer(),
            contact=self.contact,
            reached=client.sockname[:2],
            known_as=self.known_as,
        )
        self._states[client.id] = state
        return state

    def state(self, client_id: str) -> ConnectionState:
        """The connection; raises KeyError for one that was never opened here, which refuses it."""
        return self._states[client_id]

    def find(self, client_id: str) -> ConnectionState | None:
        """The connection, or None if it is gone or was never opened here."""
        return self._states.get(client_id)

    def closed(self, client_id: str) -> None:
        """Forget a connection; its exchanges were ended before."""
        self._states.pop(client_id, None)

    def begin(self, state: ConnectionState, facts: Facts) -> Exchange:
        """Open an exchange on a connection, with the policy that is in force now."""
        state.gate, state.begun = state.listener.store.current, True
        exchange = Exchange(id=self.new_id(), connection=state, gate=state.gate, started=self.timer(), facts=facts)
        state.exchanges.append(exchange)
        if self.tracing is not None:
            self.tracing.begin(exchange)
        return exchange

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[ConnectionState]:
        return iter(tuple(self._states.values()))


def board(server: Connection, exchange: Exchange) -> None:
    """An exchange waits for an upstream connection that is being opened for it, or for another like it."""
    vars(server).setdefault(_ABOARD, []).append(exchange)


def aboard(server: Connection) -> tuple[Exchange, ...]:
    """The exchanges that wait for a connection, the one that it is opened for first."""
    return tuple(vars(server).get(_ABOARD, ()))


def disembark(server: Connection) -> None:
    """Nobody waits for a connection any more: it stands, or it failed."""
    vars(server).pop(_ABOARD, None)


def known[T](fact: Fact[T]) -> T:
    """The value of a fact that this step cannot do without; raises LookupError, which refuses."""
    if fact is UNKNOWN or fact is ABSENT:
        raise LookupError("a fact is missing that has to be known by now")
    return fact


def attach(flow: HTTPFlow, exchange: Exchange) -> None:
    """Let later hooks of the flow find its exchange."""
    flow.metadata[_KEY] = exchange


def judged(flow: HTTPFlow) -> Exchange:
    """The exchange of a flow; raises LookupError if no hook that decides has seen it, which refuses it."""
    exchange = exchange_of(flow)
    if exchange is None:
        raise LookupError("a message of a request that was never judged")
    return exchange


def content_instead(flow: HTTPFlow) -> bytes:
    """What a client gets as the content of an answer to which the upstream sent none; most often nothing."""
    exchange = exchange_of(flow)
    return b"" if exchange is None else exchange.instead


def exchange_of(flow: HTTPFlow) -> Exchange | None:
    """The exchange of a flow; None if no hook that decides has seen it."""
    found = flow.metadata.get(_KEY)
    return found if isinstance(found, Exchange) else None
