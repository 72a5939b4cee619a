"""Handshakes with upstreams: bounded by a time of their own, and told apart by why they failed.

An upstream that speaks no TLS often says nothing at all, and waits. It is not to hold a request for as long as an
answer may take.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mitmproxy.connection import Server

from addons.judging.exchange import aboard
from addons.tls.layers import CLOSED, SILENT
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from mitmproxy.connection import Connection
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import TlsData

    from addons.judging.exchange import Connections, Exchange


@dataclass(slots=True)
class _Running:
    deadline: asyncio.TimerHandle | None = None
    late: bool = False

    def expire(self, task: asyncio.Task[object]) -> None:
        """Give up: the task that reads from the upstream is cancelled, which closes the connection."""
        self.late = True
        task.cancel("handshake timeout")


class Handshakes:
    """The hooks around a handshake with an upstream. `timeout` is how long it may take, in seconds."""

    def __init__(self, connections: Connections, timeout: float) -> None:
        self._connections: Final = connections
        self._timeout: Final = timeout
        self._running: Final[dict[str, _Running]] = {}

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """The handshake begins next. This hook runs in the task that is going to read from the upstream."""
        task = asyncio.current_task() if data.server.tls else None
        if task is not None:
            running = self._running[data.server.id] = _Running()
            running.deadline = asyncio.get_running_loop().call_later(self._timeout, running.expire, task)

    def tls_established_server(self, data: TlsData) -> None:
        """The handshake is done."""
        self._over(data.conn)

    def tls_failed_server(self, data: TlsData) -> None:
        """The upstream could not prove who it is, or does not speak TLS that we speak."""
        was_late = self._over(data.conn)
        for exchange in aboard(data.conn) or self._exchanges(data):
            exchange.outcome = refuse(_reason(data.conn.error, was_late=was_late))

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """Nothing is left of a connection that is gone, however it went."""
        self._over(data.server)

    def _over(self, connection: Connection) -> bool:
        running = self._running.pop(connection.id, None)
        if running is None:
            return False
        if running.deadline is not None:
            running.deadline.cancel()
        return running.late

    def _exchanges(self, data: TlsData) -> tuple[Exchange, ...]:
        state = self._connections.find(data.context.client.id)
        if state is None or not isinstance(data.conn, Server) or data.conn.address is None:
            return ()
        exchange = state.going_to((data.conn.address[0], data.conn.address[1]))
        return () if exchange is None else (exchange,)


def _reason(error: str | None, *, was_late: bool) -> Reason:
    if error in {CLOSED, SILENT}:
        if was_late:
            return Reason.UPSTREAM_NO_TLS if error == SILENT else Reason.UPSTREAM_TIMEOUT
        return Reason.UPSTREAM_BROKEN
    try:
        return Reason(error or "")
    except ValueError:
        return Reason.UPSTREAM_UNTRUSTED
