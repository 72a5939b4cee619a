"""Orders to a gateway of several workers: handed on to each, and answered with one answer."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from addons.serving.control import Refused
from addons.serving.measuring import of_owner
from addons.serving.orders.giving import only, seconds_of
from addons.serving.orders.limits import SHOWN
from addons.serving.orders.status import audit
from addons.workers.wire import Gone
from gateway.audit.records.events import admin_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.control.channel import Outcome
from gateway.control.merging import ANYONE, WAYS, merged, merged_records
from gateway.metrics.merging import merge
from gateway.metrics.snapshot import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from addons.serving.control import Caller, Verb
    from addons.workers.crew import Crew
    from addons.workers.hand import Hand
    from gateway.audit.export.health import Health
    from gateway.audit.records.record import Record
    from gateway.control.merging import Merge

PATIENCE: Final = 30.0
"""Seconds that a worker has for an order."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders. `record` takes what was done, `clock` gives seconds since the epoch, `end` ends the gateway."""

    crew: Crew
    record: Callable[[Record], object]
    clock: Callable[[], float]
    end: Callable[[float, str], None]
    exporters: Callable[[], Sequence[Health]] = tuple

    @property
    def verbs(self) -> dict[str, Verb]:
        """By the words that they are given with."""
        handed: dict[str, Verb] = {verb: partial(self._hand_on, verb) for verb in WAYS}
        told = {"status": self.status, "metrics": self.metrics, "workers": self.workers, "limits": self.limits}
        done = {"reload": self.reload, "drain": self.drain, "lists.refresh": self.refresh_lists}
        return {**handed, **told, **done}

    async def refresh_lists(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """Have the one that fetches lists do so now; all read what came. Raises Refused."""
        leader = self.crew.leader
        found = await self._told("lists.refresh", caller, given, [] if leader is None else [leader], ANYONE.merge)
        await self.crew.settled()
        return found

    async def status(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """What runs, by all workers; the process is this one, which owns the log. Raises Refused."""
        found = await self._hand_on("status", caller, given)
        return {
            **found,
            "pid": os.getpid(),
            "ready": found["ready"] and self.crew.log.healthy,
            "audit": audit(self.crew.log),
            "workers": self._at_work(found["workers"]),
        }

    async def limits(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """What limits count; `most` of the clients that any worker has seen. Raises Refused."""
        found = await self._hand_on("limits", caller, given)
        shown = int(given.get("most", str(SHOWN)))
        return {**found, "limits": [{**each, "fullest": each["fullest"][:shown]} for each in found["limits"]]}

    def _at_work(self, told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        numbers = {hand.process.pid: number for number, hand in self.crew.hands.items()}
        return [{"worker": numbers.get(each["pid"]), **each} for each in told]

    async def metrics(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """The numbers of all workers and of this process as those of one. Raises Refused."""
        found = await self._hand_on("metrics", caller, given)
        return merge((read(found), of_owner(self.crew.log.figures, self.exporters()))).as_data()

    async def drain(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """Give exchanges `seconds` to end, and stop. Raises Refused."""
        only(given, "seconds")
        seconds = seconds_of(given)
        connections = (await self.status(caller, {}))["connections"] if self.crew.serving else 0
        self._say_before(caller, "drain", {"seconds": f"{seconds:g}"}, connections)
        self.end(seconds, "told to drain")
        return {"connections": connections, "seconds": seconds}

    async def reload(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """Have all read everything again. Raises Refused if nobody is at work."""
        only(given)
        if not self.crew.serving:
            raise Refused("no worker is at work at this moment, try again")
        self._say_before(caller, "reload", {})
        try:
            return await self.crew.reload("order")
        except Gone as problem:
            raise Refused(str(problem)) from None

    async def workers(self, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """Who is at work, since how many seconds. Raises Refused for what it has no use for."""
        if given:
            raise Refused("there is nothing to choose, all is told")
        now = asyncio.get_running_loop().time()
        return {
            "workers": [
                {"worker": number, "process": hand.process.pid, "serves": hand.serves, "seconds": now - hand.began}
                for number, hand in sorted(self.crew.hands.items())
            ]
        }

    async def _hand_on(self, verb: str, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """What all answer, or one of them. Raises Refused if one refuses, and when nobody is at work."""
        way = WAYS[verb]
        return await self._told(verb, caller, given, self.crew.serving[: None if way.everyone else 1], way.merge)

    async def _told(
        self, verb: str, caller: Caller, given: Mapping[str, str], hands: Sequence[Hand], merge: Merge
    ) -> dict[str, Any]:
        asked = {"do": verb, "with": dict(given), "uid": caller.uid, "pid": caller.pid, "by": caller.by}
        answers = await asyncio.gather(*(_asked(each, asked) for each in hands))
        heard = {hand.number: answer for hand, answer in zip(hands, answers, strict=True) if answer is not None}
        if not heard:
            raise Refused("no worker is at work at this moment, try again")
        self._write_down([each for answer in heard.values() for each in answer["records"]])
        outcome = merged(merge, {number: Outcome(each["done"], each["refused"]) for number, each in heard.items()})
        if outcome.refused is not None:
            raise Refused(outcome.refused)
        return outcome.done

    def _say_before(self, caller: Caller, order: str, what: Mapping[str, str], count: int = 0) -> None:
        record = admin_record(
            user=caller.uid, process=caller.pid, by=caller.by, order=order, what=what, count=count, now=self.clock()
        )
        try:
            self.record(record)
        except AuditUnavailable as problem:
            raise Refused(f"it could not be written down, and so it was not done: {problem}") from None

    def _write_down(self, records: list[Record]) -> None:
        try:
            for each in merged_records(records):
                self.record(each)
        except AuditUnavailable as problem:
            raise Refused(f"it was done, and it could not be written down: {problem}") from None


async def _asked(hand: Hand, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What a worker answers; nothing of one that dies meanwhile: nothing is left of what it had."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await hand.ask("order", **asked)
    except Gone:
        return None
    except TimeoutError:
        return {"done": {}, "refused": f"it gave no answer within {PATIENCE:.0f} seconds", "records": []}
