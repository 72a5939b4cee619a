"""Names to addresses: all of them, within a deadline, from the system or from name servers of one's own choice.

Every answer has to be judged before one is dialled, so the caller gets every address. Answers are kept for as long as
their source says, within bounds, and never longer; failures for a shorter while; both in a bounded table. Of many who
ask for one name, one asks the source. Names of the configuration are answered from it and never leave the machine, nor
does `localhost` with all below it, which is this machine (RFC 6761 section 6.3).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.policy.addresses import Address
from gateway.policy.names import Host
from gateway.upstreams.lookup import NO_SUCH_NAME, TIMED_OUT, Found, LookupFailed, System

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUSY: Final = "too many names are being resolved"
_LOCALHOST: Final = Host.parse("localhost")


class Source(Protocol):
    """Who knows the addresses of names."""

    async def look_up(self, name: str, seconds: float, /) -> Found:
        """Every address of a canonical name, within so many `seconds` if it can. Raises LookupFailed."""
        ...

    def close(self) -> None:
        """Ask nothing any more."""
        ...


class Unresolved(Exception):  # noqa: N818 - the name of the reason, `upstream-unresolved`
    """A host has no address now. `why` says it in a few words; the text adds the host."""

    def __init__(self, host: Host, why: str) -> None:
        super().__init__(f"`{host}` has no address: {why}")
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverBounds:
    """Seconds that answers are kept, names that are remembered, and names that are asked for at once.

    What the source says of an answer is brought between `least` and `most`, of a failure below `most`; `keep` and
    `keep_failure` hold where it says nothing.
    """

    least: float = 0.0
    most: float = 300.0
    keep: float = 30.0
    keep_failure: float = 2.0
    remembered: int = 4096
    waiting: int = 512


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[Address, ...]
    why: str = ""
    until: float = 0.0


_THIS_MACHINE: Final = _Answer((Address.parse("127.0.0.1"), Address.parse("::1")))


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
        source: Source | None = None,
        bounds: ResolverBounds | None = None,
    ) -> None:
        self._bounds = bounds or ResolverBounds()
        self._timeout = timeout
        self._clock = clock
        self._source = source or System()
        self._exact = {Host.parse(name).text: found for name, found in overrides.items() if not name.startswith(".")}
        self._under = {Host.parse(name[1:]).text: found for name, found in overrides.items() if name.startswith(".")}
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
        self._source.close()

    def _configured(self, host: Host) -> _Answer | None:
        if host.text in self._exact:
            return _Answer(self._exact[host.text], NO_SUCH_NAME)
        found = next((self._under[name] for name in host.parents() if name in self._under), None)
        if found is not None:
            return _Answer(found, NO_SUCH_NAME)
        return _THIS_MACHINE if host.is_under(_LOCALHOST) else None

    def _remembered(self, host: Host) -> _Answer | None:
        answer = self._answers.get(host.text)
        if answer is None or answer.until <= self._clock():
            return None
        return answer

    async def _asked(self, host: Host) -> _Answer:
        """The source's answer. Whoever gives up waiting takes it away from nobody else."""
        flight = self._flights.get(host.text)
        if flight is None:
            if len(self._flights) >= self._bounds.waiting:
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
        begun = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._source.look_up(name, self._timeout)
                return _Answer(found.addresses, until=begun + self._kept(found))
        except TimeoutError:
            why, keep = TIMED_OUT, None
        except LookupFailed as error:
            why, keep = str(error), error.keep
        keep = self._bounds.keep_failure if keep is None else keep
        return _Answer((), why, self._clock() + min(keep, self._bounds.most))

    def _kept(self, found: Found) -> float:
        said = self._bounds.keep if found.keep is None else found.keep
        return min(self._bounds.most, max(self._bounds.least, said))

    def _remember(self, name: str, answer: _Answer) -> None:
        self._answers[name] = answer
        self._answers.move_to_end(name)
        while len(self._answers) > self._bounds.remembered:
            self._answers.popitem(last=False)
