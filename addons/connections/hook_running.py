"""The hooks of one connection, run so that they fail closed.

A layer that asked a hook is told only when the hook came to its end. A hook that failed is recorded; then the client
gets an answer if there still is one to give, else the connection is ended. Hooks that do not wait need no task.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mitmproxy.flow import Error
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy import events

from addons.connections.fail_closed import AFTER_THE_FACT, ANSWERABLE, HookFailed, is_cancelled_from_outside
from addons.serving.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mitmproxy.connection import Client
    from mitmproxy.proxy.commands import StartHook

    from addons.connections.handler import Stage
    from addons.connections.pacing import Pacing

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Asked:
    """A hook that was asked already, and did not come to a good end at once. `error` is what it failed with."""

    hook: StartHook
    error: BaseException | None = None
    is_done: bool = False
    is_awaited: bool = False


class HookRunner:
    """Runs the hooks of `client`. `completed` hears of a layer's hook that it may go on, `broken` that nothing may.

    With a `pacing` that says that several exchanges share the connection, a hook that fails ends its own alone.
    """

    def __init__(
        self,
        client: Client,
        stage: Stage,
        *,
        completed: Callable[[events.Event], None],
        broken: Callable[[str, BaseException], None],
        pacing: Pacing | None = None,
    ) -> None:
        self._client: Final = client
        self._stage: Final = stage
        self._pacing: Final = pacing
        self._go_on: Final = completed
        self._broken: Final = broken
        self._waiting: Final[set[asyncio.Task[None]]] = set()
        self._asked: Final[dict[StartHook, _Asked]] = {}
        self.endings: Final[set[asyncio.Task[None]]] = set()
        """Hooks that tell of an end, which are not stopped when the connection is over."""

    def start(self, hook: StartHook) -> None:
        """Run a hook that a layer asks for, unless it was asked already, and let the layer go on when it is done."""
        asked = self._asked.pop(hook, None) if self._asked else None
        if asked is not None:
            self._wait_for(asked)
            return
        try:
            pending = self._stage.dispatch.call(hook)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything, and all of it refuses
            self._settle(hook, error)
            return
        if pending is None:
            self._completed(hook)
        else:
            kept = self.endings if hook.name in AFTER_THE_FACT else self._waiting
            spawn(self._finish(hook, pending), kept, at_once=True)

    def ask(self, kind: type[StartHook], flow: HTTPFlow) -> StartHook | None:
        """Ask a hook of a layer at once; None if it came to its end, so that the layer may go on.

        Else the layer has to yield what comes back, and to wait for it.
        """
        try:
            pending = self._stage.dispatch.ask(kind.name, flow)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything, and all of it refuses
            return self._keep(_Asked(kind(flow), error))
        if pending is None:
            return None
        asked = _Asked(kind(flow))
        spawn(self._watch(asked, pending), self._waiting, at_once=True)
        return None if asked.is_done else self._keep(asked)

    def _keep(self, asked: _Asked) -> StartHook:
        self._asked[asked.hook] = asked
        return asked.hook

    async def _watch(self, asked: _Asked, pending: Coroutine[Any, Any, None]) -> None:
        try:
            await pending
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            if is_cancelled_from_outside(error):
                raise
            asked.error = error
        else:
            asked.is_done = True
        if asked.is_awaited:
            self._wait_for(asked)

    def _wait_for(self, asked: _Asked) -> None:
        """The layer waits for a hook that was asked: let it go on as soon as that came to its end."""
        asked.is_awaited = True
        if asked.error is not None:
            self._settle(asked.hook, asked.error)
        elif asked.is_done:
            self._completed(asked.hook)

    async def _finish(self, hook: StartHook, pending: Coroutine[Any, Any, None]) -> None:
        try:
            await pending
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            if is_cancelled_from_outside(error):
                raise
            self._settle(hook, error)
        else:
            self._completed(hook)

    def _completed(self, hook: StartHook) -> None:
        if hook.blocking:
            self._go_on(events.HookCompleted(hook))

    def _settle(self, hook: StartHook, error: BaseException) -> None:
        """A hook of a layer failed: answer if there still is an answer to give, else end the connection."""
        if hook.name in AFTER_THE_FACT:
            self.tell(hook.name, error)
            self._completed(hook)
        elif (hook.name in ANSWERABLE and self._answered(hook, error)) or self._ended_alone(hook, error):
            self._completed(hook)
        else:
            self._broken(hook.name, error)

    def _answered(self, hook: StartHook, error: BaseException) -> bool:
        flow = self._stage.dispatch.subject(hook)
        try:
            answer = self._stage.unjudged(flow, hook.name, error)
        except Exception as another:  # noqa: BLE001 - the connection is ended instead
            _log.error("a failure in %s could not be answered: %s", hook.name, another)
            return False
        answer.headers["Connection"] = "close"
        flow.response = answer
        return True

    def _ended_alone(self, hook: StartHook, error: BaseException) -> bool:
        """End one stream of several: its layer goes no further with a flow that was killed."""
        flow = self._stage.dispatch.subject(hook)
        if self._pacing is None or not self._pacing.is_shared or not isinstance(flow, HTTPFlow):
            return False
        try:
            self._stage.unjudged(flow, hook.name, error)
        except Exception as another:  # noqa: BLE001 - the connection is ended instead
            _log.error("a failure in %s could not be recorded: %s", hook.name, another)
            return False
        flow.error = Error(Error.KILLED_MESSAGE)
        return True

    async def run(self, hook: StartHook) -> None:
        """Run a hook and wait for its end. Raises HookFailed if nothing on the connection may go on."""
        try:
            pending = self._stage.dispatch.call(hook)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - a hook may raise anything, and all of it refuses
            self._refuse_connection(hook, error)
            return
        if pending is None:
            return
        try:
            await pending
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            if is_cancelled_from_outside(error):
                raise
            self._refuse_connection(hook, error)

    def _refuse_connection(self, hook: StartHook, error: BaseException) -> None:
        if hook.name in AFTER_THE_FACT:
            self.tell(hook.name, error)
        elif hook.name == "client_connected":
            self.tell(hook.name, error)
            self._client.error = "refused"
        elif hook.name not in ANSWERABLE or not self._answered(hook, error):
            self._broken(hook.name, error)
            raise HookFailed(hook.name) from error

    def tell(self, place: str, error: BaseException) -> None:
        """Record that something failed; what cannot be recorded must still end the connection."""
        try:
            self._stage.failed(self._client.id, place, error)
        except Exception:  # noqa: BLE001 - what cannot be recorded must still end the connection
            _log.exception("a failure in %s could not be recorded", place)

    def stop(self) -> None:
        """Stop the hooks that still wait, except those that tell of an end."""
        for task in tuple(self._waiting):
            task.cancel("the connection is over")
