"""Fail closed: a hook that raises or hangs ends what it was asked about, never lets it through.

mitmproxy logs an exception in a hook and goes on. Here a layer that asked a hook stays paused until the hook has come
to its end, so that a hook without an end forwards nothing. The table of hooks is built once; hooks that return
nothing awaitable are called without a task.
"""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

    from mitmproxy.proxy.commands import StartHook

type Hook = Callable[[Any], Awaitable[None] | None]
type HookTable = Mapping[str, tuple[Hook, ...]]

HOOKS: Final = (
    "client_connected",
    "client_disconnected",
    "unreadable_head",
    "unreadable_body",
    "socks_asked",
    "socks_broken",
    "http_connect",
    "http_connect_error",
    "http_connected",
    "tunnel_hello",
    "tunnel_raw",
    "tunnel_broken",
    "quic_hello",
    "tls_clienthello",
    "tls_start_client",
    "tls_established_client",
    "tls_failed_client",
    "requestheaders",
    "request",
    "server_connect",
    "server_connected",
    "server_connect_error",
    "server_disconnected",
    "upstream_failed",
    "tls_start_server",
    "tls_established_server",
    "tls_failed_server",
    "responseheaders",
    "response",
    "error",
    "websocket_start",
    "websocket_message",
    "websocket_end",
)
"""Every hook that an adapter may answer, in the order of an exchange."""

AFTER_THE_FACT: Final = frozenset(
    {
        "client_disconnected",
        "error",
        "http_connect_error",
        "server_connect_error",
        "server_disconnected",
        "tls_failed_client",
        "tls_failed_server",
        "websocket_end",
    }
)
"""Hooks that only tell of an end: a failure in one is recorded, and the layers go on tidying up."""

ANSWERABLE: Final = frozenset({"http_connect", "requestheaders"})
"""Hooks before anything was forwarded, to which a client can still be given an answer."""


class HookFailed(Exception):  # noqa: N818 - it says what happened
    """A hook failed; what waited for it must not go on."""


def hook_table(addons: Iterable[object]) -> HookTable:
    """The methods of the addons that are named like a hook, by hook, in the given order. Built once."""
    listed = tuple(addons)
    table = {name: tuple(getattr(addon, name) for addon in listed if hasattr(addon, name)) for name in HOOKS}
    return {name: methods for name, methods in table.items() if methods}


class Dispatch:
    """Calls the hooks of a table. `deadline` bounds each event, in seconds."""

    def __init__(self, table: HookTable, deadline: float = 5.0) -> None:
        self._table: Final = table
        self._deadline: Final = deadline
        self._argument: Final[dict[type, str]] = {}

    def subject(self, hook: StartHook) -> Any:
        """The one argument of a hook: the flow, the connection, the layer that it is about."""
        kind = type(hook)
        name = self._argument.get(kind)
        if name is None:
            (field,) = fields(hook)  # type: ignore[arg-type]  # every hook is a dataclass
            name = self._argument[kind] = field.name
        return getattr(hook, name)

    def call(self, hook: StartHook) -> Coroutine[Any, Any, None] | None:
        """Run what can be run at once; what is left to await, with a deadline, comes back. Raises what hooks raise."""
        methods = self._table.get(hook.name)
        if methods is None:
            return None
        subject = self.subject(hook)
        for done, method in enumerate(methods, 1):
            pending = method(subject)
            if pending is not None:
                return self._finish(pending, methods[done:], subject)
        return None

    async def _finish(self, pending: Awaitable[None], rest: tuple[Hook, ...], subject: Any) -> None:
        async with asyncio.timeout(self._deadline):
            await pending
            for method in rest:
                following = method(subject)
                if following is not None:
                    await following


def is_cancelled_from_outside(error: BaseException) -> bool:
    """Whether the task was told to stop; a hook that raises CancelledError by itself has just failed."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
