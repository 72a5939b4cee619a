"""The servers of every upstream: which one an exchange is sent to, and which one next if that fails.

An exchange holds one place at a time. It is given back once, whatever becomes of the exchange, with what that says of
the server; see `Exchange.release`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from addons.judging.destinations import Destination
from addons.judging.exchange import known
from addons.judging.refusals import Refusal
from gateway.audit.records.events import server_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.policy.model import Missing, Reason, refuse
from gateway.upstreams.pools.members import Standing
from gateway.upstreams.pools.pool import NoPlace, Outcome, PlaceAt, Pool
from gateway.upstreams.pools.waiting import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from addons.judging.exchange import Exchange
    from gateway.audit.records.record import Record
    from gateway.config.settings import UpstreamSettings
    from gateway.policy.model import Facts
    from gateway.upstreams.pools.members import Member
    from gateway.upstreams.routes import Route

_log: Final = logging.getLogger(__name__)
_DETAILS: Final = {Standing.UP: "it takes requests", Standing.DRAINING: "it finishes what it has"}
_BACK_SOON: Final = 1.0
"""Seconds after which somebody who found no place may try again."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers of one upstream, and the line in front of them."""

    name: str
    pool: Pool
    line: Line


class Pools:
    """Every upstream's servers. `record` takes what changes, `said` hears it in words.

    `clock` is monotonic, in seconds; `wall` in seconds since the epoch; `draw` gives a number in [0, 1).
    """

    def __init__(
        self,
        upstreams: Mapping[str, UpstreamSettings],
        record: Callable[[Record], object],
        *,
        clock: Callable[[], float],
        wall: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._record: Final = record
        self._clock: Final = clock
        self._wall: Final = wall
        self._fleets: Final[dict[str, Fleet]] = {}
        self.said: Callable[[str], None] = _log.info
        self._draw: Final = draw
        self._named = frozenset(upstreams)
        for name, each in upstreams.items():
            self._add(name, each)

    def __iter__(self) -> Iterator[Fleet]:
        return (each for name, each in self._fleets.items() if name in self._named)

    @property
    def longest_wait(self) -> float:
        """Seconds that a request may stand in line."""
        return max((each.pool.rules.queue.timeout for each in self), default=0.0)

    async def place(self, exchange: Exchange, route: Route) -> Destination | Refusal:
        """Where an exchange goes that a route sends to several servers; it may stand in line for it."""
        fleet = self._fleets[route.upstream.name]
        fleet.pool.budget.requested(self._clock())
        found = await fleet.line.take(_key(fleet.pool, exchange.facts))
        if isinstance(found, PlaceAt):
            return _at(exchange, found, route)
        if found is NoPlace.NOBODY:
            decision = refuse(Reason.UPSTREAM_UNAVAILABLE, "No server of the destination is up.")
        else:
            decision = refuse(Reason.UPSTREAM_BUSY, "Every server of the destination is busy.")
        return Refusal(replace(decision, retry_after=_BACK_SOON))

    def another(self, exchange: Exchange, reason: Reason) -> Destination | None:
        """Where an exchange may go after the server failed it to which it was sent; None if it may try no more.

        That one is told to have failed. It is never asked again for this exchange.
        """
        if exchange.place is None or exchange.route is None:
            return None
        pool, failed = self._fleets[exchange.route.upstream.name].pool, exchange.place
        if len(exchange.attempts) >= pool.rules.retries.most:
            return None
        failed.end(Outcome.FAILED)
        tried = {name for name, _ in exchange.attempts} | {failed.member.name}
        found = pool.take(_key(pool, exchange.facts), [each for each in pool.members if each.name in tried])
        if not isinstance(found, PlaceAt):
            return None
        if not pool.budget.spend(self._clock()):
            found.end(Outcome.UNTOLD)
            return None
        failed.member.tally.retried += 1
        exchange.attempts.append((failed.member.name, reason))
        if exchange.trace is not None and exchange.let_through is not None:
            exchange.trace.went_on(failed.member.name, reason, exchange.let_through, self._clock())
        return _at(exchange, found, exchange.route)

    def renew(self, upstreams: Mapping[str, UpstreamSettings], still: frozenset[str] = frozenset()) -> None:
        """Let upstreams and their servers join and leave as the configuration says now.

        Requests that are under way to an upstream that was left out end there. Those in `still` are looked after as
        before although they were left out.
        """
        for name, wanted in upstreams.items():
            if name in self._fleets:
                self._fleets[name].pool.renew(wanted.servers, wanted.rules)
            else:
                self._add(name, wanted)
        self._named = frozenset(upstreams) | (still & self._fleets.keys())

    def _add(self, name: str, settings: UpstreamSettings) -> None:
        pool = Pool.of(settings.servers, settings.rules, self._clock, self._draw)
        pool.told = partial(self._tell, name)
        self._fleets[name] = Fleet(name, pool, Line(pool))

    def _tell(self, upstream: str, member: Member, standing: Standing) -> None:
        """A server stands otherwise now: it is recorded, and said to the operator."""
        detail = _DETAILS.get(standing, member.note)
        self.said(f"upstream `{upstream}`: {member.name} is {standing.value}: {detail}")
        try:
            self._record(
                server_record(
                    upstream=upstream, server=member.name, standing=standing.value, detail=detail, now=self._wall()
                )
            )
        except AuditUnavailable as problem:
            _log.error("a record could not be written: %s", problem)


def _at(exchange: Exchange, place: PlaceAt, route: Route) -> Destination:
    exchange.place = place
    server = place.member.server
    return Destination(server.scheme, server.host, server.port, route)


def _key(pool: Pool, facts: Facts) -> bytes:
    """Who asks, if that makes a difference."""
    if pool.rules.balance != "hash":
        return b""
    fields = None if isinstance(facts.headers, Missing) else facts.headers
    return pool.rules.hash_by.key(known(facts.client_ip), fields)
