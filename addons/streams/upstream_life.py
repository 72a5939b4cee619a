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

    from mitmproxy.proxy.commands import OpenConnection, StartHook
    from mitmproxy.proxy.server import ConnectionHandler

    from addons.upstream.connecting import Streams

    type Connect = Callable[[Server], Awaitable[Streams]]
    """Opens the connection of a server; raises OSError."""
    type Ask = Callable[[StartHook], Awaitable[None]]
    """Runs a hook to its end."""

_STOPPED: Final = "connection cancelled"


async def live(handler: ConnectionHandler, command: OpenConnection, connect: Connect) -> None:
    """Open the connection that a layer asks for, and read it to its end. Raises what a hook of a connection raises."""
    server = command.connection
    data = server_hooks.ServerConnectionHookData(client=handler.client, server=server)
    try:
        reader, writer = await opened(data, handler.handle_hook, connect)
    except (OSError, asyncio.CancelledError) as error:
        await handler.server_event(events.OpenConnectionCompleted(command, server.error))
        if isinstance(error, asyncio.CancelledError):
            raise
        return
    handler.transports[server] = ConnectionIO(handler=asyncio.current_task(), reader=reader, writer=writer)
    await handler.handle_hook(server_hooks.ServerConnectedHook(data))
    await handler.server_event(events.OpenConnectionCompleted(command, None))
    try:
        await handler.handle_connection(server)
    finally:
        server.timestamp_end = time.time()
        await handler.handle_hook(server_hooks.ServerDisconnectedHook(data))


async def opened(data: server_hooks.ServerConnectionHookData, ask: Ask, connect: Connect) -> Streams:
    """A connection to a server that the hooks let pass; whoever asked has to tell them that it stands.

    Raises OSError or CancelledError if there is none, and what a hook raises; `server.error` says why.
    """
    server = data.server
    await ask(server_hooks.ServerConnectHook(data))
    try:
        if server.error is not None:
            raise ConnectionError(server.error)
        server.timestamp_start = time.time()
        streams = await connect(server)
    except (OSError, asyncio.CancelledError) as error:
        server.error = str(error) or _STOPPED
        await ask(server_hooks.ServerConnectErrorHook(data))
        raise
    server.timestamp_tcp_setup = time.time()
    server.state = ConnectionState.OPEN
    server.peername = streams[1].get_extra_info("peername")
    server.sockname = streams[1].get_extra_info("sockname")
    return streams
