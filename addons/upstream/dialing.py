"""Dialling: an address that was judged is the address that is dialled, and nothing else is.

The name is resolved once, by the gateway; the gate judges every answer; then the judged addresses are tried, in place
of the name, so that nobody resolves again. The name is put back when the connection stands, because mitmproxy finds
connections to reuse by their address. TLS is verified against the name.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from addons.entries.through import ParentFailed, through
from addons.judging.exchange import aboard, known
from addons.upstream.connecting import NotConnected, Streams, Ways, connect
from gateway.policy.addresses import Address
from gateway.policy.model import PinAddress, Reason, refuse

if TYPE_CHECKING:
    from mitmproxy.connection import Client, Server
    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData

    from addons.judging.exchange import Connections, Endpoint, Exchange
    from gateway.policy.model import Decision, Facts
    from gateway.policy.names import Host

LATE: Final = "connect timeout"
"""Why the task that connects is cancelled when that takes too long."""
_REFUSED: Final = "the destination was refused"
_BLAMED_ON_PARENT: Final = {
    Reason.UPSTREAM_REFUSED: Reason.PARENT_REFUSED,
    Reason.UPSTREAM_TIMEOUT: Reason.PARENT_TIMEOUT,
}
_LEGS_THROUGH_PARENT: Final = 3
"""A parent is connected, spoken to, and connects: each may take as long as connecting directly."""


@dataclass(slots=True)
class Turns:
    """Takes turns among the addresses of a name. `ways` knows in which order they are tried; `most` are remembered."""

    ways: Ways = field(default_factory=Ways)
    most: int = 10_000
    _next: dict[object, int] = field(default_factory=dict)

    def addresses(self, endpoint: Endpoint, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        """All of the addresses, in the order in which they are tried now."""
        return addresses if len(addresses) == 1 else self.ways.order(addresses, self._turn(endpoint))

    def _turn(self, key: object) -> int:
        if key not in self._next and len(self._next) >= self.most:
            self._next.clear()
        turn = self._next.get(key, 0)
        self._next[key] = turn + 1
        return turn


def pinned(decision: Decision, judged: tuple[Address, ...]) -> tuple[Address, ...]:
    """The addresses that may be dialled: those that an obligation names out of the judged ones, else all of these."""
    for obligation in decision.obligations:
        if isinstance(obligation, PinAddress):
            return tuple(address for address in judged if address in obligation.addresses)
    return judged


def aim(flow: HTTPFlow, scheme: str, endpoint: Endpoint) -> None:
    """Say to the layer where the request goes, without touching what the request says of itself."""
    data = flow.request.data
    data.host, data.port = endpoint
    data.scheme = scheme.encode("ascii")


@dataclass(slots=True)
class _Attempt:
    """`endpoint` is reached at one of `addresses`, which were judged for `exchange`.

    `tried` tells whether this part connected itself; inside a stock mitmproxy it does not.
    """

    endpoint: Endpoint
    addresses: tuple[Address, ...]
    exchange: Exchange
    deadline: asyncio.TimerHandle | None = None
    tried: bool = False
    outcome: Decision = field(default_factory=lambda: refuse(Reason.UPSTREAM_REFUSED))

    @property
    def port(self) -> int:
        """Where it is dialled: at its own port, or at that of the parent through which it is reached."""
        return self.endpoint[1] if self.exchange.parent is None else self.exchange.parent.port

    def expire(self, task: asyncio.Task[object]) -> None:
        """Give up: the task that waits for the connection is cancelled."""
        self.fail(refuse(Reason.UPSTREAM_TIMEOUT))
        task.cancel(LATE)

    def fail(self, decision: Decision) -> None:
        """Say why there is no connection; what went wrong on the way to a parent says nothing of the destination."""
        if self.exchange.parent is not None and decision.reason in _BLAMED_ON_PARENT:
            decision = refuse(_BLAMED_ON_PARENT[decision.reason], "The parent proxy cannot be reached.")
        self.outcome = decision

    def settle(self) -> None:
        """The attempt came to an end by itself."""
        if self.deadline is not None:
            self.deadline.cancel()


class Dialing:
    """The hooks around an upstream connection, and the connecting itself.

    `timeout` is how long connecting may take, in seconds; `ways` remembers what happened on the way to addresses.
    """

    def __init__(self, connections: Connections, timeout: float, ways: Ways | None = None) -> None:
        self._connections: Final = connections
        self._timeout: Final = timeout
        self._ways: Final = ways or Ways()
        self._attempts: Final[dict[str, _Attempt]] = {}

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """Put a judged address in the place of the name; refuse what was not judged."""
        endpoint = _endpoint(data.server)
        exchange = self._waiting(data, endpoint) if endpoint else None
        if endpoint is None or exchange is None or not exchange.judged or data.server.via is not None:
            data.server.error = _REFUSED
            return
        attempt = _Attempt(endpoint, exchange.judged, exchange)
        attempt.deadline = self._deadline(attempt)
        self._attempts[data.server.id] = attempt
        if data.server.tls:
            data.server.sni = endpoint[0]
        data.server.address = (str(attempt.addresses[0]), attempt.port)

    def _waiting(self, data: ServerConnectionHookData, endpoint: Endpoint) -> Exchange | None:
        """The exchange that the connection is opened for; of several on one client connection each has its own."""
        first = next(iter(aboard(data.server)), None)
        if first is None:
            return self._connections.state(data.client.id).going_to(endpoint)
        is_its_own = first.connection.id == data.client.id and first.admitted and first.endpoint == endpoint
        return first if is_its_own else None

    def _deadline(self, attempt: _Attempt) -> asyncio.TimerHandle | None:
        """This hook runs in the task that is going to connect: that task is the one to stop."""
        task = asyncio.current_task()
        if task is None:
            return None
        patience = self._timeout if attempt.exchange.parent is None else self._timeout * _LEGS_THROUGH_PARENT
        return asyncio.get_running_loop().call_later(patience, attempt.expire, task)

    async def connect(self, server: Server) -> Streams:
        """Connect to a server that `server_connect` let pass, at any of its judged addresses.

        Raises OSError if none answers, and for a server that did not pass.
        """
        attempt = self._attempts.get(server.id)
        if attempt is None or server.transport_protocol != "tcp":
            raise ConnectionError(_REFUSED)
        attempt.tried = True
        try:
            streams = await connect(attempt.addresses, attempt.port, self._ways)
            parent = attempt.exchange.parent
            return streams if parent is None else await through(streams, parent, _target(attempt.exchange.facts))
        except (NotConnected, ParentFailed) as problem:
            attempt.fail(problem.decision)
            raise

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """See who is at the other end, and give the connection its name back.

        Raises ConnectionError if the other end is no judged address, which ends the client's connection.
        """
        attempt = self._attempts.pop(data.server.id)
        attempt.settle()
        reached = None if data.server.peername is None else Address.parse(data.server.peername[0])
        if reached is None or reached not in attempt.addresses:
            raise ConnectionError("another address answered than the ones that were judged")
        _rename(data.server, attempt.endpoint)
        for exchange in aboard(data.server) or (attempt.exchange,):
            exchange.reached = reached
        self._connections.state(data.client.id).linked(attempt.endpoint, data.server.id, reached)

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """Remember why the upstream could not be reached, for the answer and for the record."""
        attempt = self._attempts.pop(data.server.id, None)
        if attempt is None:
            return
        attempt.settle()
        if not attempt.tried:
            self._ways.failed(attempt.addresses[0])
        _rename(data.server, attempt.endpoint)
        for exchange in aboard(data.server) or (attempt.exchange,):
            exchange.outcome = attempt.outcome

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """The connection is gone: the next request resolves and judges anew."""
        state, endpoint = self._connections.find(data.client.id), _endpoint(data.server)
        if state is not None and endpoint is not None:
            state.unlinked(endpoint, data.server.id)

    def client_disconnected(self, client: Client) -> None:
        """Forget attempts that were stopped on their way."""
        for server_id in [key for key, each in self._attempts.items() if each.exchange.connection.id == client.id]:
            self._attempts.pop(server_id).settle()


def _target(facts: Facts) -> tuple[Host, int] | None:
    """What a parent is asked to connect to; nothing for a plain request, which names its destination itself."""
    return None if facts.scheme == "http" else (known(facts.host), known(facts.port))


def _endpoint(server: Server) -> Endpoint | None:
    return None if server.address is None else (server.address[0], server.address[1])


def _rename(server: Server, endpoint: Endpoint) -> None:
    """Past the guard against changes: the connection stays where it is, only its name returns."""
    vars(server)["address"] = endpoint
