"""A pool: who is asked next, what became of it, and who joins and leaves while requests are under way.

No I/O and no waiting here. `take` gives a place at a server, or says why there is none; the place is given back once,
with what came of it. A server that leaves keeps the requests that it has, and gets no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from gateway.upstreams.pools.balancing import Balance, balancer
from gateway.upstreams.pools.budget import RetryBudget
from gateway.upstreams.pools.health import Health, HealthRules
from gateway.upstreams.pools.members import Member, Standing
from gateway.upstreams.pools.outliers import Outlier, OutlierRules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from gateway.upstreams.pools.balancing import Balancer
    from gateway.upstreams.routes import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRules:
    """How a pool behaves. `connections` bounds the requests of one server at a time; `slow_start` is in seconds."""

    balance: Balance = "round_robin"
    health: HealthRules = HealthRules()  # noqa: RUF009 - the value is frozen, so that it can be shared
    outliers: OutlierRules = OutlierRules()  # noqa: RUF009 - the value is frozen, so that it can be shared
    connections: int = 1024
    slow_start: float = 0.0


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


@dataclass(slots=True, eq=False)
class Pool:
    """The servers of one upstream. `clock` is monotonic, in seconds; `draw` gives a number in [0, 1)."""

    rules: PoolRules
    clock: Callable[[], float]
    draw: Callable[[], float]
    budget: RetryBudget = field(default_factory=RetryBudget)
    _members: list[Member] = field(default_factory=list)
    _balancer: Balancer = field(init=False)

    def __post_init__(self) -> None:
        self._balancer = balancer(self.rules.balance, self.draw)

    @classmethod
    def of(
        cls, servers: Iterable[Server], rules: PoolRules, clock: Callable[[], float], draw: Callable[[], float]
    ) -> Pool:
        """A pool that serves at once: who is there from the start does not start slowly."""
        pool = cls(rules, clock, draw)
        pool._members = [pool._member(each) for each in servers]
        return pool

    def take(self, key: bytes = b"", tried: Collection[Member] = ()) -> PlaceAt | NoPlace:
        """A place at one of the servers that were not tried yet. `key` says who asks."""
        now = self.clock()
        up = [each for each in self._members if each.standing(now) is Standing.UP and each not in tried]
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
            member.outlier.served()
        elif outcome is Outcome.FAILED:
            member.outlier.failed()
            self._eject(member)
        self._forget_the_drained()

    def checked(self, member: Member, *, well: bool) -> bool:
        """A health check of a server came to an end; whether that changed its standing."""
        changed = member.health.checked(well=well)
        if changed and well:
            member.joined = self.clock()
        return changed

    def renew(self, servers: Iterable[Server]) -> None:
        """Let others join and leave. Who stays keeps what is known of it, with the weight that it has now."""
        now, staying = self.clock(), {each.name: each for each in self._members}
        wanted = [self._member(server) for server in servers]
        for each in self._members:
            each.is_draining = each.name not in {other.name for other in wanted}
        for new in wanted:
            old = staying.get(new.name)
            if old is None:
                new.joined = now
                self._members.append(new)
            else:
                old.server = new.server
        self._forget_the_drained()

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

    def _member(self, server: Server) -> Member:
        return Member(server, Health(self.rules.health), Outlier(self.rules.outliers))

    def _is_full(self, member: Member) -> bool:
        return member.in_flight >= self.rules.connections

    def _eject(self, member: Member) -> None:
        """Spare one that fails, unless nobody else is there: a bad server is better than none."""
        now = self.clock()
        others = (each for each in self._members if each is not member)
        if member.outlier.is_due and any(each.standing(now) is Standing.UP for each in others):
            member.joined = member.outlier.eject(now)

    def _forget_the_drained(self) -> None:
        self._members = [each for each in self._members if not (each.is_draining and each.in_flight == 0)]
