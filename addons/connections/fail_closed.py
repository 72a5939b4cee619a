"""Fail closed: a hook that raises or hangs ends what it was asked about, never lets it through.

mitmproxy logs an exception in a hook and goes on. Here a layer that asked a hook stays paused until the hook has come
to its end, so that a hook without an end forwards nothing. The table of hooks is built once; hooks that return
nothing awaitable are called without a task.
"""

from __future__ import annotations

import asyncio
from dataclasses import fields
from operator import attrgetter
from types import coroutine
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping

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
        self._readers: Final[dict[type, Callable[[StartHook], Any]]] = {}

    def subject(self, hook: StartHook) -> Any:
        """The one argument of a hook: the flow, the connection, the layer that it is about."""
        kind = type(hook)
        reader = self._readers.get(kind)
        if reader is None:
            (field,) = fields(hook)  # type: ignore[arg-type]  # every hook is a dataclass
            reader = self._readers[kind] = attrgetter(field.name)
        return reader(hook)

    def call(self, hook: StartHook) -> Coroutine[Any, Any, None] | None:
        """Run what can be run at once; what is left to await, with a deadline, comes back. Raises what hooks raise."""
        return self.ask(hook.name, self.subject(hook)) if hook.name in self._table else None

    def ask(self, name: str, subject: Any) -> Coroutine[Any, Any, None] | None:
        """The same, for the one argument of the hook of this name."""
        methods = self._table.get(name, ())
        for done, method in enumerate(methods, 1):
            pending = method(subject)
            if pending is not None:
                return self._finish(pending, methods[done:], subject)
        return None

    async def _finish(self, pending: Awaitable[None], rest: tuple[Hook, ...], subject: Any) -> None:
        await _bounded(_all(pending, rest, subject), self._deadline)


async def _all(pending: Awaitable[None], rest: tuple[Hook, ...], subject: Any) -> None:
    await pending
    for method in rest:
        following = method(subject)
        if following is not None:
            await following


@coroutine
def _bounded(work: Coroutine[Any, Any, None], seconds: float) -> Generator[Any, Any]:
    """Run `work`, and arm a timer only if it really waits: most hooks that may wait never do. Raises TimeoutError.

    Work that goes on although it was told to stop has failed all the same.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return
    timer = _Timer(seconds)
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever the waiting ended with is the work's to know
                waits_for = work.throw(error)
            else:
                waits_for = work.send(sent)
    except StopIteration:
        timer.check(None)
    except asyncio.CancelledError as error:
        timer.check(error)
        raise
    finally:
        timer.stop()


class _Timer:
    """Cancels the current task when its time is over."""

    def __init__(self, seconds: float) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise RuntimeError("a hook that waits has to run in a task")
        self._task: Final = task
        self._before: Final = task.cancelling()
        self._handle: Final = loop.call_later(seconds, self._expire)
        self._is_late = False

    def _expire(self) -> None:
        self._is_late = True
        self._task.cancel("the hook takes too long")

    def check(self, error: asyncio.CancelledError | None) -> None:
        """Raise TimeoutError if the time was over, unless somebody else has cancelled the task too."""
        if self._is_late and self._task.uncancel() <= self._before:
            raise TimeoutError from error

    def stop(self) -> None:
        """The work is done."""
        self._handle.cancel()


def is_cancelled_from_outside(error: BaseException) -> bool:
    """Whether the task was told to stop; a hook that raises CancelledError by itself has just failed."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
