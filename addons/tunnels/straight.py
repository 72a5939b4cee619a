"""The straight way of a tunnel: from a CONNECT like most to two sockets that are joined, without a layer in between.

Until it is known what a connection is, a client of a forward proxy needs no handler, no layers and no tasks: its first
bytes are looked at, the same hooks are asked in the same order, and what they say is done. A tunnel that is passed on
unread never meets a layer at all. Whatever is not usual is left to a handler, with its bytes back in their place: a
request that is no CONNECT, a hello in pieces, a tunnel that holds none, one through a parent. So is a tunnel that is
inspected; its layers begin with TLS, where they would lie inside of those of the CONNECT else.

Measured: a tunnel takes a third less processor time, 1,406 us instead of 2,202 (`tests/bench/bench_splice.py`, on a
machine that others used too).

Source: RFC 9110 section 9.3.6 (CONNECT), RFC 9112 sections 3 to 6.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import partial
from time import time
from typing import TYPE_CHECKING, Final, cast

from mitmproxy.connection import ConnectionState, Server
from mitmproxy.http import HTTPFlow
from mitmproxy.net.http import http1
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.layers.http import HTTPMode, validate_request
from mitmproxy.proxy.layers.http._hooks import HttpConnectedHook, HttpConnectErrorHook, HttpConnectHook

from addons.connections.deadlines import Deadline
from addons.connections.fail_closed import HookFailed
from addons.connections.hook_running import HookRunner
from addons.connections.phases import Phase
from addons.judging.heads import remember_line
from addons.streams.upstream_life import opened
from addons.tls.hello import Broken, HelloReader
from addons.tunnels.opening import Opening, TunnelBrokenHook, TunnelHelloHook
from addons.tunnels.relay import Relay, reset, unread
from addons.tunnels.spliced import Ends, Spliced
from addons.upstream.dialing import LATE
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import Request
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import Layer

    from addons.connections.handler import Stage
    from addons.entries.layers import Ways

    type Makes = Callable[[Context], Layer]
    """Makes the layer with which a handler goes on."""

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_AT_ONCE: Final = 65535
_END: Final = b"\r\n\r\n"
_CONNECT: Final = re.compile(rb"CONNECT [^\x00-\x20\x7f]+ HTTP/1\.1\r\n(?:[^\x00-\x08\x0a-\x1f\x7f]+\r\n)*\r\n")
"""Lines without a control character, each with a whole end, and an empty one."""
_UNUSUAL: Final = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"content-length"})


def usual_connect(data: bytes, most: int) -> Request | None:
    """The CONNECT, if `data` is the head of one, nothing follows, and nothing in it is wrong or unusual."""
    if len(data) > most or _CONNECT.fullmatch(data) is None:
        return None
    try:
        request = http1.read_request_head(data[: -len(_END)].split(b"\r\n"))
        if validate_request(HTTPMode.regular, request, validate_inbound_headers=True) is not None:
            return None
    except (ValueError, IndexError):
        return None
    fields = [(name.lower(), value) for name, value in request.headers.fields]
    closes = any(name == b"connection" and value.lower() != b"keep-alive" for name, value in fields)
    return None if closes or not _UNUSUAL.isdisjoint(name for name, _ in fields) else request


class Entering:
    """One client's connection until it is known what it is. Served like a handler: swept, drained, aborted."""

    def __init__(
        self, client: Client, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], stage: Stage, ways: Ways
    ) -> None:
        self.client: Final = client
        self._reader, self._writer = streams
        self._stage: Final = stage
        self._ways: Final = ways
        self._deadline: Final = Deadline(stage.bounds.patience)
        self._hooks: Final = HookRunner(client, stage, completed=lambda _: None, broken=self._broken)
        self._task: Final = asyncio.current_task()
        self._reads = False
        self._is_late = False

    async def serve(self) -> Makes | Spliced | None:
        """What goes on with the connection: a layer in a handler, a tunnel, or nothing, because it is over."""
        goes_on: Makes | Spliced | None = None
        try:
            goes_on = await self._enter()
        except HookFailed:
            pass  # it was recorded, and the connection was ended
        except Exception as error:  # noqa: BLE001 - whatever breaks here ends this connection, and it alone
            self._broken("tunnel", error)
        finally:
            if goes_on is None:
                self.client.timestamp_end = time()
                self.client.state = ConnectionState.CLOSED
                await self._hooks.run(server_hooks.ClientDisconnectedHook(self.client))
        return goes_on

    async def _enter(self) -> Makes | Spliced | None:
        await self._hooks.run(server_hooks.ClientConnectedHook(self.client))
        data = b"" if self.client.error else await self._read()
        if not data:
            return None
        request = usual_connect(data, self._stage.bounds.head)
        if request is not None:
            return await self._connect(request)
        unread(self._reader, data)
        return self._ways.first

    async def _connect(self, request: Request) -> Makes | Spliced | None:
        """Ask for the tunnel; nothing is dialled for it, whatever the answer is."""
        server = Server(address=None)
        flow = HTTPFlow(self.client, server)
        flow.request = request
        remember_line(request)
        await self._hooks.run(HttpConnectHook(flow))
        if flow.response is not None:
            flow.response.headers["Connection"] = "close"
            await self._hooks.run(HttpConnectErrorHook(flow))
            self._writer.write(http1.assemble_response(flow.response))  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
            return None
        await self._hooks.run(HttpConnectedHook(flow))
        self._deadline.enter(Phase.HANDSHAKE)
        self._writer.write(ESTABLISHED)
        return await self._open(server, (request.host, request.port))

    async def _open(self, server: Server, place: tuple[str, int]) -> Makes | Spliced | None:
        """See what the tunnel opens with, and do with it what is said of that."""
        held = await self._read()
        if not held:
            if self._is_late:
                await self._hooks.run(TunnelBrokenHook(Opening(self.client, problem=Reason.HEAD_TIMEOUT)))
            return None
        reader = HelloReader(self._stage.bounds.opening)
        with suppress(Broken):
            hello = reader.read(held) if reader.claims(held) else None
            if hello is not None:
                opening = Opening(self.client, hello)
                await self._hooks.run(TunnelHelloHook(opening))
                return await self._treat(opening, held, server, place)
        unread(self._reader, held)
        return partial(self._ways.tunnel, place)

    async def _treat(
        self, opening: Opening, held: bytes, server: Server, place: tuple[str, int]
    ) -> Makes | Spliced | None:
        unread(self._reader, held)
        if opening.treatment == "splice" and opening.endpoint is not None:
            return partial(self._ways.relayed, opening) if opening.through_parent else await self._join(opening, server)
        if opening.treatment == "inspect":
            return partial(self._ways.inspected, opening, place)
        return None

    async def _join(self, opening: Opening, server: Server) -> Spliced | None:
        """Dial one of the addresses that were judged, and join both sockets."""
        server.address = opening.endpoint
        data = server_hooks.ServerConnectionHookData(client=self.client, server=server)
        try:
            reader, writer = await opened(data, self._hooks.run, self._stage.connect)
        except OSError:
            return None
        except asyncio.CancelledError:
            if server.error != LATE or self._task is None or self._task.uncancel():
                raise
            return None
        joined: Spliced | None = None
        try:
            await self._hooks.run(server_hooks.ServerConnectedHook(data))
            joined = self._joined(opening, server, (reader, writer))
        finally:
            if joined is None:
                reset(writer.transport)
                await self._hooks.run(server_hooks.ServerDisconnectedHook(data))
        return joined

    def _joined(
        self, opening: Opening, server: Server, there: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> Spliced | None:
        """The tunnel; None if the client is gone, whose socket would say nothing of its end any more."""
        reader, writer = there
        if self._writer.transport.is_closing() or writer.transport.is_closing():
            return None
        relay = Relay(*(cast("asyncio.Transport", each.transport) for each in (self._writer, writer)))
        relay.go_on(self._reader, reader)
        return Spliced(Ends(self.client, server, opening, (self._writer, writer)), relay, self._stage)

    async def _read(self) -> bytes:
        """What the client sends next; nothing if it says no more, or takes too long."""
        self._reads = True
        try:
            return await self._reader.read(_AT_ONCE)
        except OSError:
            return b""
        finally:
            self._reads = False

    def is_overdue(self, now: float) -> bool:
        """Whether the client has said nothing for too long. What is asked meanwhile has deadlines of its own."""
        return self._reads and self._deadline.is_overdue(now)

    def give_up(self) -> None:
        """Wait for the client no longer."""
        self._is_late = True
        self._stop_reading()

    def drain(self) -> None:
        """Begin nothing new: whoever has not said yet what it wants will not get it here."""
        if self._reads:
            self._stop_reading()

    def abort(self) -> None:
        """End it at once, with a reset."""
        reset(self._writer.transport)
        if not self._reads and self._task is not None:
            self._task.cancel("aborted")

    def _stop_reading(self) -> None:
        with suppress(RuntimeError):  # it may be closing already
            cast("asyncio.Transport", self._writer.transport).pause_reading()
        self._reader.feed_eof()

    def _broken(self, place: str, error: BaseException) -> None:
        self._hooks.tell(place, error)
        reset(self._writer.transport)
