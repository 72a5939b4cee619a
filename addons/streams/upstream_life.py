"""The life of one upstream connection: asked for, opened by whoever knows the judged addresses, read, and closed.

It takes the place of mitmproxy's own, which opens one socket to one address: hooks and events come in the same order,
so that layers and addons see no difference.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import events, server_hooks
from mitmproxy.proxy.server import ConnectionIO

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mitmproxy.proxy.commands import OpenConnection
    from mitmproxy.proxy.server import ConnectionHandler

    from addons.upstream.connecting import Streams

    type Connect = Callable[[Server], Awaitable[Streams]]
    """Opens the connection of a server; raises OSError."""

_STOPPED: Final = "connection cancelled"


async def live(handler: ConnectionHandler, command: OpenConnection, connect: Connect) -> None:
    """Open the connection that a layer asks for, and read it to its end. Raises what a hook of a connection raises."""
    server = command.connection
    data = server_hooks.ServerConnectionHookData(client=handler.client, server=server)
    await handler.handle_hook(server_hooks.ServerConnectHook(data))
    try:
        if server.error is not None:
            raise ConnectionError(server.error)
        server.timestamp_start = time.time()
        streams = await connect(server)
    except (OSError, asyncio.CancelledError) as error:
        server.error = str(error) or _STOPPED
        await handler.handle_hook(server_hooks.ServerConnectErrorHook(data))
        await handler.server_event(events.OpenConnectionCompleted(command, server.error))
        if isinstance(error, asyncio.CancelledError):
            raise
        return
    _stands(handler, server, streams)
    await handler.handle_hook(server_hooks.ServerConnectedHook(data))
    await handler.server_event(events.OpenConnectionCompleted(command, None))
    try:
        await handler.handle_connection(server)
    finally:
        server.timestamp_end = time.time()
        await handler.handle_hook(server_hooks.ServerDisconnectedHook(data))


def _stands(handler: ConnectionHandler, server: Server, streams: Streams) -> None:
    reader, writer = streams
    server.timestamp_tcp_setup = time.time()
    server.state = ConnectionState.OPEN
    server.peername = writer.get_extra_info("peername")
    server.sockname = writer.get_extra_info("sockname")
    handler.transports[server] = ConnectionIO(handler=asyncio.current_task(), reader=reader, writer=writer)
