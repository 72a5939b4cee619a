"""What a request does: takes what is kept, waits for another one that is under way, or goes to the origin.

A stale answer that may be given while the origin is asked (stale-while-revalidate) is given to everybody; who comes
first has the flight, and with it the duty to have the origin asked.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from addons.caching.flights import MOST_WAITING, Flights, Landing
from addons.caching.questions import has_questions
from gateway.cache.cache import Plan, Step
from gateway.cache.validation import questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.caching.attempts import Attempt
    from addons.caching.flights import Place

PATIENCE: Final = 3.0
"""Seconds that a request waits for another one; less than what a hook may take."""
ALONE: Final = 10.0
"""Seconds for which nobody waits again, after an answer that was for one alone."""
_MOST_ALONE: Final = 10_000
_GIVEN: Final = frozenset({Step.GIVE, Step.UNCHANGED})
_SHARED: Final = frozenset({Step.FORWARD, Step.VALIDATE, Step.GIVE_AND_ASK})


@dataclass(slots=True)
class Planner:
    """`clock` gives seconds since the epoch, `timer` is monotonic, in seconds."""

    clock: Callable[[], float]
    timer: Callable[[], float]
    flights: Flights = field(default_factory=Flights)
    _alone: OrderedDict[Place, float] = field(default_factory=OrderedDict)

    async def plan(self, attempt: Attempt, client: str) -> Plan:
        """What comes next, after waiting for whoever is on the way already."""
        until = self.timer() + PATIENCE
        place = (id(attempt.cache), attempt.asked.key, attempt.asked.partition)
        while True:
            await attempt.cache.bring(attempt.asked)
            plan = attempt.cache.look_up(attempt.asked, self.clock())
            if plan.step not in _SHARED or not self._is_shared(place, attempt, plan):
                return plan
            flight = self.flights.at(place, self.timer())
            if flight is None:
                attempt.flight = self.flights.start(place, client, until)
                return plan
            if plan.step is Step.GIVE_AND_ASK or flight.waiting >= MOST_WAITING:
                return plan
            landing = await flight.landed(until - self.timer())
            if landing is Landing.KEPT:
                brought = attempt.cache.look_up(attempt.asked, self.clock())
                return _collapsed(brought) if brought.step in _GIVEN else brought
            if landing is not Landing.LOST:
                return plan

    def _is_shared(self, place: Place, attempt: Attempt, plan: Plan) -> bool:
        """Whether the answer will be of use to others: not if this client alone wants it anew."""
        if plan.status.forwarded == "request" or self._alone.get(place, 0.0) > self.timer():
            return False
        return bool(plan.kept and questions(plan.kept.answer)) or not has_questions(attempt.asked)

    def land(self, attempt: Attempt, landing: Landing) -> None:
        """Tell those who wait how it ended."""
        flight, attempt.flight = attempt.flight, None
        if flight is None:
            return
        if landing is Landing.NOT_KEPT:
            self._alone[flight.place] = self.timer() + ALONE
            self._alone.move_to_end(flight.place)
            while len(self._alone) > _MOST_ALONE:
                self._alone.popitem(last=False)
        self.flights.land(flight, landing)


def _collapsed(plan: Plan) -> Plan:
    """It was not there when this request came; another one brought it (RFC 9211 section 2.6)."""
    return replace(plan, status=replace(plan.status, hit=False, forwarded="uri-miss", collapsed=True))
