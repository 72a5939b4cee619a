"""A listener, its policy, its log and its clients, all real, without a socket: what adapters are tried on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy.connection import Client
from mitmproxy.connection import ConnectionState as Connected
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.test import tflow

from addons.caching.ahead import Ahead
from addons.caching.planning import Planner
from addons.caching.refreshing import Refreshing, Ways
from addons.entries.parents import Parents
from addons.judging.admission import Admission
from addons.judging.exchange import Connections, exchange_of
from addons.judging.own_pages import OwnPages
from addons.judging.recording import Recorder, Recording
from addons.passing.fields import FieldKeeper
from addons.tls.upstream_tls import UpstreamTls
from addons.upstream.dialing import Dialing, Turns
from addons.upstream.pools import Pools
from gateway.audit.reading.reader import records
from gateway.audit.writing.writer import AuditWriter
from gateway.authority.making import make
from gateway.cache.caches import Caches
from gateway.config.endpoints import parse_server
from gateway.config.settings import (
    CacheSettings,
    HostMatch,
    LimitSettings,
    ListenerSettings,
    PacSettings,
    RouteSettings,
    UpstreamSettings,
)
from gateway.lists.geography import Geography
from gateway.lists.load import load_lists
from gateway.pages.site import Site
from gateway.policy.addresses import Address, Network
from gateway.policy.compile import compile_policy
from gateway.policy.gate import Gate
from gateway.policy.language.document import read_policy
from gateway.policy.limits import LimitTable
from gateway.policy.model import Mode
from gateway.upstreams.parents import ParentTable
from gateway.upstreams.pools.rules import PoolRules
from gateway.upstreams.resolver import Resolver
from gateway.upstreams.routes import RouteTable
from gateway.upstreams.trust import Trust
from tests.adapters.requests import request_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate
    from mitmproxy.tls import ClientHello

    from addons.judging.exchange import ConnectionState, Exchange, Treatment
    from gateway.upstreams.clauses import PathTreatment

NOW = 1_795_428_000.0
"""2026-11-23T10:00:00Z."""

PSEUDONYM = "wicketgate-7f"
"""The name under which the gateway of a scene appears in Via."""

ALLOW = "version: 1\nname: open\ndefault: {action: allow}\n"
DENY_ADS = ALLOW + "rules: [{id: no-ads, action: deny, reason: Advertising, when: {host: {under: [ads.example]}}}]\n"
PLAIN = "GET http://site.example/a HTTP/1.1\nHost: site.example"


def gate_of(policy: str, mode: Mode) -> Gate:
    """A gate that enforces the text of a policy."""
    document = read_policy(policy, "test.yaml")
    lists = load_lists(document.lists, Path("/"), None, 0.0).contents
    compiled = compile_policy(document, lists, mode=mode)
    return Gate(compiled, LimitTable(compiled.limit_specs))


@dataclass
class Standing:
    """A policy source whose policy is replaced by hand."""

    current: Gate


@dataclass
class Believed:
    """Whom upstreams are measured by; nobody, until a test says otherwise."""

    current: Trust = field(default_factory=Trust)


@dataclass
class Socket:
    """A listener that listens on nothing."""

    mode: Mode
    store: Standing
    settings: ListenerSettings
    routes: RouteTable | None = None
    parents: ParentTable = field(default_factory=ParentTable)
    name: str = "egress"


@dataclass
class Scene:
    """One listener and what happens on it. `names` is all that resolves; `records` closes the log and reads it."""

    folder: Path
    mode: Mode = Mode.FORWARD
    policy: str = ALLOW
    trusted: tuple[str, ...] = ()
    contact: str | None = None
    names: Mapping[str, str] = field(default_factory=lambda: {"site.example": "93.184.216.34"})
    limits: LimitSettings = field(default_factory=LimitSettings)
    upstreams: tuple[str, ...] = ("http://127.0.0.1:8000",)
    served: HostMatch = field(default_factory=HostMatch)
    strict_paths: PathTreatment = "strict"
    cache: CacheSettings | None = None
    routes: tuple[RouteSettings, ...] = ()
    rules: PoolRules = field(default_factory=PoolRules)
    pac: PacSettings = field(default_factory=PacSettings)
    certificates: tuple[Certificate, ...] = (make(datetime.fromtimestamp(NOW, UTC)).certificate,)
    elapsed: float = 0.0
    connections: Connections = field(init=False)
    writer: AuditWriter = field(init=False)
    recorder: Recorder = field(init=False)
    listener: Socket = field(init=False)
    turns: Turns = field(init=False)
    pools: Pools = field(init=False)
    parents: Parents = field(init=False)
    ahead: Ahead = field(init=False)
    refreshing: Refreshing = field(init=False)
    admission: Admission = field(init=False)
    dialing: Dialing = field(init=False)
    keeper: FieldKeeper = field(init=False)
    recording: Recording = field(init=False)

    def __post_init__(self) -> None:
        ids = (f"01ID{number:022d}" for number in count(1))
        self.connections = Connections(lambda: next(ids), lambda: self.elapsed, self.contact, self.pac.proxy)
        self.writer = AuditWriter(self.folder)
        self.writer.start()
        self.recorder = Recorder(self.writer, self.connections, self.now)
        settings = self._settings()
        self.listener = Socket(self.mode, Standing(gate_of(self.policy, self.mode)), settings, self._routes(settings))
        self.turns = Turns()
        self.pools = Pools(self._upstreams(), self.writer.append, clock=self.timer, wall=self.now, draw=lambda: 0.5)
        resolver = Resolver({name: _addresses(found) for name, found in self.names.items()})
        self.parents = Parents(resolver, frozenset())
        self.keeper = FieldKeeper(PSEUDONYM)
        self.ahead = Ahead(Caches(), Planner(self.now, self.timer), self.keeper, self.now)
        ways = Ways(self.pools, resolver, self.turns, Geography(), UpstreamTls(self.connections, Believed()))
        self.refreshing = Refreshing(
            ways, self.ahead.caches, self.ahead.planner, self.recorder, self.connections, self.now
        )
        self.admission = Admission(
            self.connections,
            self.recorder,
            resolver,
            self.turns,
            self.parents,
            pools=self.pools,
            clock=self.now,
            pseudonym=PSEUDONYM,
            limits=self.limits,
            pages=OwnPages(Site(self.pac, self.contact), lambda: self.certificates, self.recorder),
            ahead=self.ahead,
        )
        self.dialing = Dialing(self.connections, timeout=5.0, ways=self.turns.ways)
        self.recording = Recording(self.recorder, self.connections)

    def timer(self) -> float:
        """Seconds on a clock that only a test moves."""
        return self.elapsed

    def now(self) -> float:
        """Seconds since the epoch."""
        return NOW + self.elapsed

    def _settings(self) -> ListenerSettings:
        return ListenerSettings(
            name="egress",
            mode=self.mode,
            bind=(Address.parse("127.0.0.1"), 8080),
            policy=Path("test.yaml"),
            trusted_proxies=tuple(Network.parse(each) for each in self.trusted),
            routes=self.routes
            or (RouteSettings(upstream="app", strict_paths=self.strict_paths, hosts=self.served, cache=self.cache),),
        )

    def _routes(self, settings: ListenerSettings) -> RouteTable | None:
        if self.mode is Mode.FORWARD:
            return None
        return RouteTable.of(settings, self._upstreams())

    def _upstreams(self) -> dict[str, UpstreamSettings]:
        servers = tuple(parse_server(url) for url in self.upstreams)
        return {"app": UpstreamSettings(name="app", servers=servers, rules=self.rules)}

    def client(self, address: str = "192.0.2.1", port: int = 51000) -> Client:
        """A client that has just connected."""
        client = Client(peername=(address, port), sockname=("127.0.0.1", 8080), state=Connected.OPEN)
        self.connections.opened(client, self.listener)
        return client

    def state(self, client: Client) -> ConnectionState:
        """What is remembered of a client's connection."""
        return self.connections.state(client.id)

    def flow(self, client: Client, head: str) -> HTTPFlow:
        """A request of the client, as the layers hand it to the first hook."""
        flow = HTTPFlow(client, tflow.tserver_conn())
        flow.request = request_of(head)
        if flow.request.method != "CONNECT":
            flow.request.authority = ""  # what the layer does on a proxy port before any hook runs
        return flow

    def ask(self, client: Client, head: str) -> HTTPFlow:
        """A request of the client, after every hook that sees its head."""
        return asyncio.run(self.asks(client, head))

    async def asks(self, client: Client, head: str) -> HTTPFlow:
        """The same, for whoever has a loop already."""
        flow = self.flow(client, head)
        await self.admission.requestheaders(flow)
        self.keeper.requestheaders(flow)
        return flow

    def connect(self, client: Client, target: str) -> HTTPFlow:
        """A CONNECT of the client, after the hook that answers it."""
        flow = self.flow(client, f"CONNECT {target} HTTP/1.1\nHost: {target}")
        self.admission.http_connect(flow)
        return flow

    def hear(self, client: Client, hello: ClientHello) -> Treatment:
        """What becomes of the hello in the client's tunnel, or on its connection."""
        return asyncio.run(self.admission.hello(self.state(client), hello))

    def answer(self, flow: HTTPFlow, response: Response) -> Response:
        """An upstream's answer to an admitted request, after every hook that sees its head."""
        flow.response = response
        self.admission.responseheaders(flow)
        self.keeper.responseheaders(flow)
        return answer_of(flow)

    def records(self) -> list[dict[str, Any]]:
        """Everything that was recorded; closes the log."""
        self.writer.close()
        return [dict(record) for record in records(self.folder)]

    def shapes(self) -> Iterator[tuple[object, ...]]:
        """Of every record what a test asks first: event, then verdict and reason or the status; closes the log."""
        for record in self.records():
            match record:
                case {"event": "decision", "decision": {"verdict": verdict, "reason": reason}}:
                    yield ("decision", verdict, reason)
                case {"event": event, "status": status}:
                    yield (event, status)
                case {"event": event}:
                    yield (event,)


def _addresses(text: str) -> tuple[Address, ...]:
    return tuple(Address.parse(each) for each in text.split())


def answer_of(flow: HTTPFlow) -> Response:
    """The answer that a hook gave."""
    assert flow.response is not None
    return flow.response


def judged(flow: HTTPFlow) -> Exchange:
    """The exchange of a flow that was judged."""
    found = exchange_of(flow)
    assert found is not None
    return found


def said(flow: HTTPFlow) -> tuple[int, str]:
    """Status and reason of a refusal."""
    answer = answer_of(flow)
    return answer.status_code, json.loads(answer.content or b"")["reason"]
