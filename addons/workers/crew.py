"""The workers: brought up together, replaced one by one when they die, kept under the same policies, and let go.

One of them leads: it is the first to read policies and certificates, and writes down for all what came of it. The
others follow within the same reload; one that cannot, or has read something else, is replaced. One that dies is
replaced, the sooner the less often that happened; meanwhile the others accept what comes to its sockets.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from addons.serving.starting import DRAIN, NotStarted
from addons.serving.tasks import spawn
from addons.workers.crowd import clear
from addons.workers.hand import Hand, NotBroughtUp, hired
from addons.workers.place import Place
from addons.workers.sockets import all_of
from addons.workers.wire import Gone, packed
from gateway.audit.records.events import worker_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.control.inforce import read_set
from gateway.limits.memory import Contended
from gateway.policy.errors import Malformed
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from addons.workers.sockets import Places
    from gateway.audit.writing.intake import Log
    from gateway.config.settings import Settings
    from gateway.control.inforce import KeptSet
    from gateway.control.returning import Returned
    from gateway.limits.shared import SharedTable
    from gateway.lists.shelf import Shelf

_PAUSES: Final = (0.1, 60.0)
"""Seconds before a dead worker is replaced: at first, and at most, doubled every time."""
_DEATHS: Final = 5
"""So many deaths in a row, none of them after `_SETTLED` seconds of work, end a gateway in which nobody serves."""
_SETTLED: Final = 30.0
_TRIES: Final = 3
"""How often workers read again what another one has read otherwise: somebody is writing at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all workers get: sockets, the way to the log, through an open `folder`, and the memories of counters.

    On the `shelf` are the names of lists.
    """

    places: Places
    folder: int
    log: Path
    memory: int
    limits: SharedTable
    secret: bytes
    shelf: Shelf | None = None

    def bury(self, number: int, connections: int) -> None:
        """Give back what a worker held that is dead."""
        clear(self.memory, number - 1, connections)
        with suppress(Contended):  # whoever is refused because of it gives it back
            self.limits.bury(number - 1)


@dataclass(slots=True)
class Crew:
    """All workers. `said` hears sentences for the operator; `again` reads the configuration once more."""

    settings: Settings
    shared: Shared
    log: Log
    said: Callable[[str], None]
    again: Callable[[], Settings] | None = None
    version: str = ""
    configuration: str | None = None
    returned: Returned | None = None
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str | None = None
    hands: dict[int, Hand] = field(default_factory=dict)
    _latest: Settings | None = None
    _leader: int = 1
    _last: dict[int, str] = field(default_factory=dict)
    _leaves: bool = False
    _heard: dict[str, dict[int, int]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def serving(self) -> list[Hand]:
        """Those at work, in the order of their numbers."""
        return [hand for _, hand in sorted(self.hands.items()) if hand.serves]

    @property
    def leader(self) -> Hand | None:
        """Who reads for all, if it is at work."""
        return next((hand for hand in self.serving if hand.number == self._leader), None)

    async def settled(self) -> None:
        """Wait until a reload that runs has reached all."""
        async with self._turn:
            return

    async def gather(self, problems: Sequence[str]) -> None:
        """Bring all up until they could serve. Raises NotStarted with every problem, those given too."""
        numbers = range(1, self.settings.workers + 1)
        try:
            for number in numbers if not problems else (1,):
                self.hands[number] = await self._hired(number)
            await self.hands[1].prepare(leads=True)
            if problems:
                raise NotStarted(*problems)
            await _all(hand.prepare(leads=False) for number, hand in self.hands.items() if number > 1)
        except OSError as error:
            raise NotStarted(f"a worker cannot be started: {(error.strerror or str(error)).lower()}") from None
        except NotBroughtUp as error:
            raise NotStarted(*error.problems, *problems) from None

    async def begin(self) -> None:
        """Let all serve. Raises NotStarted."""
        try:
            await _all(hand.serve() for hand in self.hands.values())
        except NotBroughtUp as error:
            raise NotStarted(*error.problems) from None
        for number in self.hands:
            spawn(self._tend(number), self._tasks)
        if len(set(map(_law, self.hands.values()))) > 1:
            self.start_reload()

    async def leave(self, seconds: float, settle: float) -> None:
        """Accept nothing more, give exchanges so many seconds to end, and workers a few more."""
        self._leaves = True
        for each in all_of(self.shared.places):
            each.close()
        for hand in self.hands.values():
            hand.leave(seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + settle):
                await _all(hand.over() for hand in self.hands.values())

    async def end_at_once(self) -> None:
        """Leave nobody behind."""
        self._leaves = True
        for task in tuple(self._tasks):
            task.cancel("the gateway ends")
        for hand in self.hands.values():
            hand.kill()
        await _all(hand.over() for hand in self.hands.values())

    def start_reload(self, cause: str = "signal") -> None:
        """Have everything read again."""
        spawn(self._reload_for(cause), self._tasks)

    async def _reload_for(self, cause: str) -> None:
        try:
            await self.reload(cause)
        except Gone as problem:
            self._say(f"nothing was read again: {problem}")

    async def reload(self, cause: str) -> dict[str, Any]:
        """What the leader says of a reload that all have taken part in. Raises Gone if nobody is at work."""
        async with self._turn:
            for attempt in range(_TRIES):
                outcomes = await self._reloaded(cause)
                behind = self._behind()
                if not behind:
                    break
                if attempt == _TRIES - 1:
                    for each in behind:
                        self._replace(each, "it did not take up what the others serve by")
            return outcomes

    async def _reloaded(self, cause: str) -> dict[str, Any]:
        """The leader first: what it refuses nobody takes up."""
        asked, settings = await self._read_again()
        leader = self.hands.get(self._leader)
        if leader is None or not leader.serves:
            raise Gone("no worker is at work at this moment, try again")
        answer = await leader.ask("reload", cause=cause, **asked)
        leader.digests = answer["digests"]
        outcomes: dict[str, Any] = answer["outcomes"]
        taken = {part["state"] for part in outcomes["parts"] if part["what"] == "configuration"} == {"loaded"}
        if taken:
            self._latest = settings
        else:
            asked = {"settings": None, "problems": None}
        followers = [each for each in self.serving if each is not leader]
        asking = (each.ask("reload", cause=cause, **asked) for each in followers)
        for each, got in zip(followers, await asyncio.gather(*asking, return_exceptions=True), strict=True):
            if isinstance(got, BaseException):
                continue  # it has died; whoever takes its place is measured by the leader
            each.digests = got["digests"]
            self._compare(each, outcomes, got["outcomes"])
        return outcomes

    def _compare(self, hand: Hand, wanted: dict[str, Any], got: dict[str, Any]) -> None:
        """Say what a worker has kept that the leader has loaded, or loaded otherwise."""
        others = {(part["what"], part["listener"]): part for part in got["parts"]}
        for part in wanted["parts"]:
            other = others.get((part["what"], part["listener"]))
            if other is not None and other["state"] != part["state"]:
                of = "" if part["listener"] is None else f" of `{part['listener']}`"
                self._say(f"worker {hand.number}: {part['what']}{of} was {other['state']}", *other["problems"])
                hand.digests["behind"] = "it says so"

    async def _read_again(self) -> tuple[dict[str, str | None], Settings | None]:
        asked: dict[str, str | None] = {"settings": None, "problems": None}
        if self.again is None:
            return asked, None
        try:
            settings = await asyncio.to_thread(self.again)
        except Invalid as error:
            return {**asked, "problems": packed(error.problems)}, None
        return {**asked, "settings": packed(settings)}, settings

    def _behind(self) -> list[Hand]:
        law = _law(self.hands[self._leader])
        return [each for each in self.serving if _law(each) != law]

    def _replace(self, hand: Hand, why: str) -> None:
        self._say(f"worker {hand.number} is replaced: {why}")
        self._record(hand.number, "replaced", why)
        hand.leave(DRAIN)
        self._cover()

    async def _tend(self, number: int) -> None:
        """Fill a place again whenever its worker has ended."""
        deaths = 0
        while True:
            hand = self.hands[number]
            ended = await hand.over()
            if self._leaves:
                return
            self.shared.bury(number, self.settings.limits.connections)
            if not hand.leaves:
                deaths = 1 if asyncio.get_running_loop().time() - hand.began > _SETTLED else deaths + 1
                self._say(f"worker {number} died ({ended}), its connections are lost; another one takes its place")
                self._died(number, ended)
            self._cover()
            self._elect()
            while not await self._refilled(number, deaths):
                deaths += 1

    async def _refilled(self, number: int, deaths: int) -> bool:
        """Whether a place is filled again. As long as anybody serves it is tried for ever, less and less often.

        With nobody left the gateway ends, if it was tried often enough.
        """
        if deaths >= _DEATHS and not self.serving:
            self.failure = f"worker {number} died {deaths} times in a row, at last: {self._last[number]}"
            self.failed.set()
            await asyncio.Event().wait()
        shortest, longest = _PAUSES
        await asyncio.sleep(min(longest, shortest * 2.0 ** max(0, deaths - 1)))
        async with self._turn:
            if self._leaves:
                return True
            try:
                await self._fill(number)
            except (NotBroughtUp, Gone, OSError, ValueError) as problem:
                if self._leaves:
                    return True
                pause = min(longest, shortest * 2.0**deaths)
                self._say(
                    f"worker {number} cannot be started again, {len(self.serving)} serve, "
                    f"the next try is in {pause:.1f} s: {problem}"
                )
                self._died(number, str(problem))
                hand = self.hands[number]
                hand.kill()
                await hand.over()
                self.shared.bury(number, self.settings.limits.connections)
                return False
        self._cover()
        self._say(f"worker {number} is at work again")
        self._record(number, "started", None)
        return True

    async def _fill(self, number: int) -> None:
        """Bring up a worker that serves by what the others serve by, before it accepts anything."""
        hand = self.hands[number] = await self._hired(number, again=True)
        alone = not self.serving
        if alone:
            self._leader = number
        await hand.prepare(leads=alone)
        if not alone and _law(hand) != _law(self.hands[self._leader]):
            self._say("files have changed since they were read: all workers read them again")
            await self._reloaded("file")
            if _law(hand) != _law(self.hands[self._leader]):
                raise NotBroughtUp("it reads other policies than those that are in force")
        await hand.serve()

    async def _hired(self, number: int, *, again: bool = False) -> Hand:
        shared = self.shared
        kept = await asyncio.to_thread(self._kept) if again else None
        place = Place(
            number=number,
            version=self.version,
            configuration=self.configuration,
            settings=self.settings,
            latest=self._latest,
            sockets=[[[each.fileno() for each in opened] for opened in place] for place in shared.places],
            folder=shared.folder,
            log=shared.log,
            shared=shared.memory,
            limits=shared.limits.fd,
            secret=shared.secret,
            again=again,
            shelf=shared.shelf,
            kept=kept,
            returned=self.returned,
        )
        return await hired(place, self.heard_from, self.start_reload)

    def _kept(self) -> KeptSet | None:
        """What all serve by, as the one that leads has kept it."""
        try:
            return read_set(self.settings.state)
        except Malformed as problem:
            self._say(f"what is in force was not kept well, the files themselves are read: {problem}")
            return None

    def _elect(self) -> None:
        """Somebody leads who is at work."""
        if not self.hands[self._leader].serves and self.serving:
            self._leader = self.serving[0].number
            self.serving[0].wire.say("lead")

    def _cover(self) -> None:
        """Spread the sockets of those who are not there over those who are."""
        serving = self.serving
        vacant = [number for number in self.hands if not self.hands[number].serves]
        for index, hand in enumerate(serving):
            hand.wire.say("cover", places=vacant[index :: len(serving)])

    def _say(self, *sentences: str) -> None:
        for each in sentences:
            self.said(each)

    def heard_from(self, number: int, sentence: str) -> None:
        """Say what workers say: what all of them say, once."""
        if len(self._heard) > 1000:  # noqa: PLR2004 - by then nobody repeats the first of them
            self._heard.clear()
        said = self._heard.setdefault(sentence, {})
        loudest = max(said.values(), default=0)
        said[number] = said.get(number, 0) + 1
        if said[number] > loudest:
            self.said(sentence)

    def _died(self, number: int, why: str) -> None:
        self._last[number] = why
        self._record(number, "died", why)

    def _record(self, number: int, outcome: Any, detail: str | None) -> None:
        with suppress(AuditUnavailable):  # it is said to the operator, and the log tells its own gap
            self.log.append(worker_record(number=number, outcome=outcome, detail=detail, now=time.time()))


def _law(hand: Hand) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(hand.digests.items()))


async def _all(awaited: Iterable[Any]) -> None:
    await asyncio.gather(*awaited)
