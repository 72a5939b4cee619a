"""Names to addresses: all of them, within a deadline, and never more look-ups at once than there are threads for.

Every answer has to be judged before one is dialled, so the caller gets every address. Answers are kept for a short
while, failures for a shorter one, both in a bounded table; of many who ask for one name, one asks the system.
Names of the configuration are answered from it and never leave the machine.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.policy.names import Host
from gateway.upstreams.lookup import NO_SUCH_NAME, LookupFailed, system_lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.addresses import Address

    type Lookup = Callable[[str], tuple[Address, ...]]
    """Asks for the addresses of a name, blocking; raises LookupFailed."""

TIMED_OUT: Final = "the name servers did not answer in time"
BUSY: Final = "too many names are being resolved"


class Unresolved(Exception):  # noqa: N818 - the name of the reason, `upstream-unresolved`
    """A host has no address now. `why` says it in a few words; the text adds the host."""

    def __init__(self, host: Host, why: str) -> None:
        super().__init__(f"`{host}` has no address: {why}")
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverBounds:
    """Seconds that answers and failures are kept, names that are remembered, look-ups at once and in the queue."""

    keep: float = 30.0
    keep_failure: float = 2.0
    remembered: int = 4096
    at_once: int = 16
    waiting: int = 512


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[Address, ...]
    why: str = ""
    until: float = 0.0


class Resolver:
    """Resolves hosts for one event loop.

    `overrides` answer for the names in them: `db.example` for that name, `.example` for it and all below; the longest
    wins, and no addresses at all means no such name. `timeout` is in seconds, per question.
    """

    def __init__(
        self,
        overrides: Mapping[str, tuple[Address, ...]],
        timeout: float = 5.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        lookup: Lookup = system_lookup,
        bounds: ResolverBounds | None = None,
    ) -> None:
        self._bounds = bounds or ResolverBounds()
        self._timeout = timeout
        self._clock = clock
        self._lookup = lookup
        self._exact = {Host.parse(name).text: found for name, found in overrides.items() if not name.startswith(".")}
        self._under = {Host.parse(name[1:]).text: found for name, found in overrides.items() if name.startswith(".")}
        self._threads = ThreadPoolExecutor(self._bounds.at_once, thread_name_prefix="resolver")
        self._flights: dict[str, asyncio.Task[_Answer]] = {}
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    async def resolve(self, host: Host) -> tuple[Address, ...]:
        """Every address of a host, in the resolver's order; a literal is its own answer. Raises Unresolved."""
        if host.address is not None:
            return (host.address,)
        answer = self._configured(host) or self._remembered(host) or await self._asked(host)
        if not answer.addresses:
            raise Unresolved(host, answer.why)
        return answer.addresses

    def close(self) -> None:
        """Start no look-up any more; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _configured(self, host: Host) -> _Answer | None:
        if host.text in self._exact:
            return _Answer(self._exact[host.text], NO_SUCH_NAME)
        found = next((self._under[name] for name in host.parents() if name in self._under), None)
        return None if found is None else _Answer(found, NO_SUCH_NAME)

    def _remembered(self, host: Host) -> _Answer | None:
        answer = self._answers.get(host.text)
        if answer is None or answer.until <= self._clock():
            return None
        return answer

    async def _asked(self, host: Host) -> _Answer:
        """The system's answer. Whoever gives up waiting takes it away from nobody else."""
        flight = self._flights.get(host.text)
        if flight is None:
            if len(self._flights) >= self._bounds.at_once + self._bounds.waiting:
                return _Answer((), BUSY)
            flight = asyncio.create_task(self._fly(host.text), name=f"resolve {host}")
            self._flights[host.text] = flight
        return await asyncio.shield(flight)

    async def _fly(self, name: str) -> _Answer:
        answer = _Answer((), "the look-up was ended")
        try:
            answer = await self._look_up(name)
            self._remember(name, answer)
        finally:
            del self._flights[name]
        return answer

    async def _look_up(self, name: str) -> _Answer:
        question = asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, name)
        try:
            async with asyncio.timeout(self._timeout):
                return _Answer(await question, until=self._clock() + self._bounds.keep)
        except TimeoutError:
            why = TIMED_OUT
        except LookupFailed as error:
            why = str(error)
        return _Answer((), why, self._clock() + self._bounds.keep_failure)

    def _remember(self, name: str, answer: _Answer) -> None:
        self._answers[name] = answer
        self._answers.move_to_end(name)
        while len(self._answers) > self._bounds.remembered:
            self._answers.popitem(last=False)
