"""A pool: who is asked next, what became of it, and who joins and leaves while requests are under way.

No I/O and no waiting here. `take` gives a place at a server, or says why there is none; the place is given back once,
with what came of it. A server that leaves keeps the requests that it has, and gets no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from gateway.upstreams.pools.balancing import balancer
from gateway.upstreams.pools.budget import RetryBudget
from gateway.upstreams.pools.health import Health
from gateway.upstreams.pools.members import Member, Standing, Tally
from gateway.upstreams.pools.outliers import Outlier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from gateway.upstreams.pools.balancing import Balancer
    from gateway.upstreams.pools.rules import PoolRules
    from gateway.upstreams.routes import Server


MOST_TALLIES: Final = 1000
"""Names of servers whose requests are told apart: those that were ever here."""
OTHERS: Final = "(others)"
"""The name of all that come later."""


class NoPlace(Enum):
    """Why nobody can be asked."""

    NOBODY = auto()
    """No server is up, or all were tried."""
    FULL = auto()
    """Every server that is up has all the requests that it may have."""


class Outcome(Enum):
    """What came of a request at a server."""

    SERVED = auto()
    FAILED = auto()
    """The connection broke, or the answer was a 5xx."""
    UNTOLD = auto()
    """It says nothing about the server: the client left, or the gateway refused."""


@dataclass(slots=True, eq=False)
class PlaceAt:
    """A request's place at a server, until `end`."""

    member: Member
    _pool: Pool
    _is_over: bool = False

    def end(self, outcome: Outcome) -> None:
        """Give it back; a second call does nothing."""
        if not self._is_over:
            self._is_over = True
            self._pool.ended(self.member, outcome)


def _nobody(*_: object) -> None:
    """Hears nothing."""


@dataclass(slots=True, eq=False)
class Pool:
    """The servers of one upstream. `clock` is monotonic, in seconds; `draw` gives a number in [0, 1).

    `moved` hears that there may be a place where there was none, `told` of every server that stands otherwise now.
    """

    rules: PoolRules
    clock: Callable[[], float]
    draw: Callable[[], float]
    moved: Callable[[], None] = _nobody
    told: Callable[[Member, Standing], None] = _nobody
    budget: RetryBudget = field(init=False)
    _members: list[Member] = field(default_factory=list)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _balancer: Balancer = field(init=False)

    def __post_init__(self) -> None:
        self._balancer = balancer(self.rules.balance, self.draw)
        self.budget = RetryBudget(share=self.rules.retries.budget)

    @classmethod
    def of(
        cls, servers: Iterable[Server], rules: PoolRules, clock: Callable[[], float], draw: Callable[[], float]
    ) -> Pool:
        """A pool that serves at once: who is there from the start does not start slowly."""
        pool = cls(rules, clock, draw)
        pool._members = [pool._member(each) for each in servers]
        return pool

    def take(self, key: bytes = b"", tried: Collection[Member] = ()) -> PlaceAt | NoPlace:
        """A place at one of the servers that were not tried yet. `key` says who asks.

        Those that are spared are asked when nobody else is there.
        """
        now = self.clock()
        up = self._standing(Standing.UP, now) or self._standing(Standing.EJECTED, now)
        up = [each for each in up if each not in tried] if tried else up
        free = {each: each.weight(now, self.rules.slow_start) for each in up if not self._is_full(each)}
        if not free:
            return NoPlace.FULL if up else NoPlace.NOBODY
        chosen = self._balancer.choose(free, key)
        chosen.in_flight += 1
        return PlaceAt(chosen, self)

    def ended(self, member: Member, outcome: Outcome) -> None:
        """A request left a server; called by its place."""
        member.in_flight -= 1
        if outcome is Outcome.SERVED:
            member.tally.served += 1
            member.outlier.served()
        elif outcome is Outcome.FAILED:
            member.tally.failed += 1
            member.outlier.failed()
            self._eject(member)
        else:
            member.tally.untold += 1
        self._forget_the_drained()
        self.moved()

    def checked(self, member: Member, *, well: bool) -> bool:
        """A health check of a server came to an end; whether that changed its standing."""
        changed = member.health.checked(well=well)
        if changed and well:
            member.joined = self.clock()
        if changed:
            self.told(member, Standing.UP if well else Standing.DOWN)
            self.moved()
        return changed

    def renew(self, servers: Iterable[Server], rules: PoolRules | None = None) -> None:
        """Let others join and leave. Who stays keeps what is known of it, with the weight that it has now.

        Other `rules` hold from now on; what was counted under the old ones still counts.
        """
        if rules is not None and rules != self.rules:
            self._follow(rules)
        wanted = {each.name: each for each in map(self._member, servers)}
        for each in self._members:
            self._keep(each, wanted.pop(each.name, None))
        for new in wanted.values():
            new.joined = self.clock()
            self._members.append(new)
            self.told(new, Standing.UP)
        self._forget_the_drained()
        self.moved()

    def _keep(self, member: Member, wanted: Member | None) -> None:
        """Go on with a server as it is wanted now, or let it finish what it has."""
        was_draining, member.is_draining = member.is_draining, wanted is None
        if wanted is not None:
            member.server = wanted.server
        if member.is_draining is not was_draining:
            self.told(member, member.standing(self.clock()))

    def _follow(self, rules: PoolRules) -> None:
        if rules.balance != self.rules.balance:
            self._balancer = balancer(rules.balance, self.draw)
        self.rules, self.budget.share = rules, rules.retries.budget
        for each in self._members:
            each.health.rules, each.outlier.rules = rules.health, rules.outliers
            if rules.check is None:
                each.health.is_up = True

    def drain(self, name: str) -> bool:
        """Take a server out until the next `renew`; whether there is one of that name."""
        found = [each for each in self._members if each.name == name]
        for each in found:
            each.is_draining = True
        self._forget_the_drained()
        return bool(found)

    @property
    def members(self) -> tuple[Member, ...]:
        """All of them, those that are draining too."""
        return tuple(self._members)

    def standings(self) -> Mapping[str, Standing]:
        """By name, how each stands now."""
        now = self.clock()
        return {each.name: each.standing(now) for each in self._members}

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """By name, what came of requests; of servers that have left, too."""
        return self._tallies

    def _standing(self, standing: Standing, now: float) -> list[Member]:
        return [each for each in self._members if each.standing(now) is standing]

    def _member(self, server: Server) -> Member:
        """A server that is new here; one that was here before goes on counting where it stopped."""
        member = Member(server, Health(self.rules.health), Outlier(self.rules.outliers))
        name = member.name if member.name in self._tallies or len(self._tallies) < MOST_TALLIES else OTHERS
        member.tally = self._tallies.setdefault(name, member.tally)
        return member

    def _is_full(self, member: Member) -> bool:
        return member.in_flight >= self.rules.connections

    def _eject(self, member: Member) -> None:
        """Spare one that fails, unless nobody else is there: a bad server is better than none."""
        now = self.clock()
        others = (each for each in self._members if each is not member)
        if member.outlier.is_due and any(each.standing(now) is Standing.UP for each in others):
            member.joined = member.outlier.eject(now)
            member.note = (
                f"spared for {member.joined - now:.0f} s, after {member.outlier.rules.failures} failures in a row"
            )
            self.told(member, Standing.EJECTED)

    def _forget_the_drained(self) -> None:
        self._members = [each for each in self._members if not (each.is_draining and each.in_flight == 0)]
