"""Hooks under a mitmproxy that goes on when one fails: each has to be reported as passed, or what asked it ends.

mitmproxy logs what a hook raises and completes it; a hook of an addon that is gone completes as well. So the layer
asks here whether the hook it waited for came to its end, and takes every other answer for a no.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from mitmproxy.connection import Client
from mitmproxy.flow import Flow

from addons.connections.fail_closed import AFTER_THE_FACT, ANSWERABLE, is_cancelled_from_outside

if TYPE_CHECKING:
    from addons.connections.fail_closed import HookTable
    from addons.connections.failures import Failures

type Outcome = Literal["passed", "failed", "unheard"]

_REFUSED: Final = "refused"
_log: Final = logging.getLogger(__name__)


class Answers:
    """Which of the hooks that layers wait for came to their end. A hook is known by its name and its one argument."""

    def __init__(self) -> None:
        self._asked: Final[dict[tuple[str, int], Outcome]] = {}

    def ask(self, name: str, subject: object) -> None:
        """A layer is going to wait for a hook; it holds on to `subject` until it takes the answer."""
        self._asked[name, id(subject)] = "unheard"

    def say(self, name: str, subject: object, outcome: Outcome) -> None:
        """A hook came to an end, good or bad. Nothing is kept of hooks that no layer waits for."""
        if (name, id(subject)) in self._asked:
            self._asked[name, id(subject)] = outcome

    def take(self, name: str, subject: object) -> Outcome:
        """How the hook ended; `unheard` if it was never called, or is not known here."""
        return self._asked.pop((name, id(subject)), "unheard")

    def __len__(self) -> int:
        return len(self._asked)


class StockDispatch:
    """Calls the hooks of a table, each event within `deadline` seconds, and turns every failure into a refusal."""

    def __init__(self, table: HookTable, failures: Failures, answers: Answers, deadline: float) -> None:
        self._table: Final = table
        self._failures: Final = failures
        self._answers: Final = answers
        self._deadline: Final = deadline

    @property
    def heard(self) -> frozenset[str]:
        """The names of the hooks that somebody here answers."""
        return frozenset(self._table)

    async def call(self, name: str, data: Any) -> None:
        """Run a hook. Raises nothing but the cancellation of its own task."""
        try:
            async with asyncio.timeout(self._deadline):
                for method in self._table.get(name, ()):
                    pending = method(data)
                    if pending is not None:
                        await pending
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            if is_cancelled_from_outside(error):
                raise
            self.refuse(name, data, error)
        else:
            self._answers.say(name, asked_about(data), "passed")

    def refuse(self, name: str, data: Any, error: BaseException) -> None:
        """A hook failed: what it was about does not go on."""
        if name in ANSWERABLE and self._answered(name, data, error):
            self._answers.say(name, data, "passed")
            return
        self._tell(name, data, error)
        self._answers.say(name, asked_about(data), "passed" if name in AFTER_THE_FACT else "failed")
        stop(name, data)

    def _answered(self, name: str, flow: Any, error: BaseException) -> bool:
        try:
            answer = self._failures.unjudged(flow, name, error)
        except Exception as another:  # noqa: BLE001 - the flow is killed instead
            _log.error("a failure in %s could not be answered: %s", name, another)
            return False
        answer.headers["Connection"] = "close"
        flow.response = answer
        return True

    def _tell(self, name: str, data: Any, error: BaseException) -> None:
        try:
            self._failures.failed(client_of(data).id, name, error)
        except Exception:  # noqa: BLE001 - what cannot be recorded must still end the connection
            _log.exception("a failure in %s could not be recorded", name)


def stop(name: str, data: Any) -> None:
    """Say it to mitmproxy as well, in the words that each hook has for it; for what no layer of ours asked."""
    if name == "client_connected":
        data.error = _REFUSED
    elif name == "server_connect":
        data.server.error = _REFUSED
    elif isinstance(data, Flow) and data.killable and name not in AFTER_THE_FACT:
        data.kill()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it


def asked_about(data: Any) -> object:
    """What a hook is known by: of upstream connections mitmproxy makes the argument itself, so the server counts."""
    return getattr(data, "server", data) if not isinstance(data, Flow) else data


def client_of(data: Any) -> Client:
    """The client that the argument of a hook belongs to."""
    if isinstance(data, Client):
        return data
    if isinstance(data, Flow):
        return data.client_conn
    context = getattr(data, "context", data)
    client: Client = context.client
    return client
