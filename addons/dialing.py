"""Dialling: the address that was judged is the address that is dialled, and nothing else is.

The name is resolved once, by the gateway; the gate judges every answer; then one of the judged addresses is put in the
place of the name just before the connection is opened, so that nobody resolves again. The name is put back when the
connection stands, because mitmproxy finds connections to reuse by their address. TLS is verified against the name.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address
from gateway.policy.model import PinAddress, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client, Server
    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData

    from addons.exchange import Connections, Endpoint, Exchange
    from gateway.policy.model import Decision
    from gateway.upstreams.routes import Server as Backend
    from gateway.upstreams.routes import Upstream

_REFUSED: Final = "the destination was refused"
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_DISCARD: Final = 9


def has_way_to(address: Address) -> bool:
    """Whether the machine has a route to `address`: connecting a datagram socket asks the table and sends nothing."""
    try:
        with socket.socket(_FAMILIES[address.version], socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _DISCARD))
    except OSError as error:
        return error.errno not in _NO_ROUTE
    return True


@dataclass(slots=True)
class Turns:
    """Takes turns: among the servers of an upstream by weight, among the addresses of a name as they come.

    `has_way` tells whether the machine can reach an address, `most` how many turns are remembered.
    """

    has_way: Callable[[Address], bool] = has_way_to
    most: int = 10_000
    _next: dict[object, int] = field(default_factory=dict)

    def server(self, upstream: Upstream) -> Backend:
        """The server whose turn it is."""
        line = [server for server in upstream.servers for _ in range(server.weight)]
        return line[self._turn(upstream.name) % len(line)]

    def address(self, endpoint: Endpoint, addresses: tuple[Address, ...]) -> Address:
        """The address whose turn it is; where both kinds were given, one that this machine has a way to."""
        if len(addresses) == 1:
            return addresses[0]
        usable = addresses
        if len({address.version for address in addresses}) > 1:
            usable = tuple(address for address in addresses if self.has_way(address)) or addresses
        return usable[self._turn(endpoint) % len(usable)]

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
    endpoint: Endpoint
    address: Address
    exchange: Exchange
    deadline: asyncio.TimerHandle | None = None
    late: bool = False

    def expire(self, task: asyncio.Task[object]) -> None:
        """Give up: the task that waits for the connection is cancelled."""
        self.late = True
        task.cancel("connect timeout")

    def settle(self) -> None:
        """The attempt came to an end by itself."""
        if self.deadline is not None:
            self.deadline.cancel()


class Dialing:
    """The hooks around an upstream connection. `timeout` is how long connecting may take, in seconds."""

    def __init__(self, connections: Connections, timeout: float) -> None:
        self._connections: Final = connections
        self._timeout: Final = timeout
        self._attempts: Final[dict[str, _Attempt]] = {}

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """Put the judged address in the place of the name; refuse what was not judged."""
        endpoint = _endpoint(data.server)
        exchange = self._connections.state(data.client.id).going_to(endpoint) if endpoint else None
        if endpoint is None or exchange is None or exchange.dialled is None or data.server.via is not None:
            data.server.error = _REFUSED
            return
        attempt = _Attempt(endpoint, exchange.dialled, exchange)
        attempt.deadline = self._deadline(attempt)
        self._attempts[data.server.id] = attempt
        if data.server.tls:
            data.server.sni = endpoint[0]
        data.server.address = (str(exchange.dialled), endpoint[1])

    def _deadline(self, attempt: _Attempt) -> asyncio.TimerHandle | None:
        """This hook runs in the task that is going to connect: that task is the one to stop."""
        task = asyncio.current_task()
        if task is None:
            return None
        return asyncio.get_running_loop().call_later(self._timeout, attempt.expire, task)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """See who is at the other end, and give the connection its name back.

        Raises ConnectionError if the other end is not the judged address, which ends the client's connection.
        """
        attempt = self._attempts.pop(data.server.id)
        attempt.settle()
        if data.server.peername is None or Address.parse(data.server.peername[0]) != attempt.address:
            raise ConnectionError("another address answered than the one that was judged")
        _rename(data.server, attempt.endpoint)
        self._connections.state(data.client.id).linked(attempt.endpoint, data.server.id, attempt.address)

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """Remember why the upstream could not be reached, for the answer and for the record."""
        attempt = self._attempts.pop(data.server.id, None)
        if attempt is None:
            return
        attempt.settle()
        _rename(data.server, attempt.endpoint)
        reason = Reason.UPSTREAM_TIMEOUT if attempt.late else Reason.UPSTREAM_REFUSED
        attempt.exchange.outcome = refuse(reason)

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """The connection is gone: the next request resolves and judges anew."""
        state, endpoint = self._connections.find(data.client.id), _endpoint(data.server)
        if state is not None and endpoint is not None:
            state.unlinked(endpoint, data.server.id)

    def client_disconnected(self, client: Client) -> None:
        """Forget attempts that were stopped on their way."""
        for server_id in [key for key, each in self._attempts.items() if each.exchange.connection.id == client.id]:
            self._attempts.pop(server_id).settle()


def _endpoint(server: Server) -> Endpoint | None:
    return None if server.address is None else (server.address[0], server.address[1])


def _rename(server: Server, endpoint: Endpoint) -> None:
    """Past the guard against changes: the connection stays where it is, only its name returns."""
    vars(server)["address"] = endpoint
