"""The four ways in which one of several servers is chosen.

`round_robin` is nginx's smooth weighted round robin: shares are exact, and no server gets its share in one go.
`random_two` is the power of two choices (Mitzenmacher, 2001). `hash` is weighted rendezvous hashing (Thaler and
Ravishankar, 1998; weights after Schindelhauer and Schomaker, 2005): when a server leaves, only its keys move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.upstreams.pools.members import Member

    type Candidates = Mapping[Member, float]
    """Those who may be chosen, at least one, with their weights above 0."""

type Balance = Literal["round_robin", "least_connections", "random_two", "hash"]
"""The ways, as configurations name them."""

_BITS: Final = 53
"""As many as a float can tell apart."""


class Balancer(Protocol):
    """A way to choose. `key` says who asks, for ways that send the same one to the same server."""

    def choose(self, candidates: Candidates, key: bytes) -> Member:
        """One of the candidates."""
        ...


@dataclass(slots=True)
class RoundRobin:
    """Turns by weight."""

    _credit: dict[Member, float] = field(default_factory=dict)

    def choose(self, candidates: Candidates, key: bytes) -> Member:  # noqa: ARG002 - who asks makes no difference here
        """The one that has waited longest for its share."""
        credit = {each: self._credit.get(each, 0.0) + weight for each, weight in candidates.items()}
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= sum(candidates.values())
        self._credit = credit
        return chosen


@dataclass(slots=True)
class LeastConnections:
    """The least busy for its weight; turns among those that are equally busy."""

    _turns: RoundRobin = field(default_factory=RoundRobin)

    def choose(self, candidates: Candidates, key: bytes) -> Member:
        """One of the least busy."""
        least = min(_load(each, weight) for each, weight in candidates.items())
        idlest = {each: weight for each, weight in candidates.items() if _load(each, weight) <= least}
        return self._turns.choose(idlest, key)


@dataclass(slots=True)
class RandomTwo:
    """The less busy of two drawn by lot. `draw` gives a number in [0, 1)."""

    draw: Callable[[], float]

    def choose(self, candidates: Candidates, key: bytes) -> Member:  # noqa: ARG002 - who asks makes no difference here
        """One of two."""
        first = self._drawn(candidates)
        others = {each: weight for each, weight in candidates.items() if each is not first}
        if not others:
            return first
        second = self._drawn(others)
        return min(first, second, key=lambda each: _load(each, candidates[each]))

    def _drawn(self, candidates: Candidates) -> Member:
        """By lot, in proportion to the weights."""
        lot = self.draw() * sum(candidates.values())
        for each, weight in candidates.items():
            lot -= weight
            if lot < 0:
                return each
        return tuple(candidates)[-1]


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """The same key meets the same server, for as long as that is there."""

    def choose(self, candidates: Candidates, key: bytes) -> Member:
        """The one that scores highest for this key."""
        return max(candidates, key=lambda each: _score(each, candidates[each], key))


def balancer(balance: Balance, draw: Callable[[], float]) -> Balancer:
    """The way of this name, with no memory of any choice yet."""
    if balance == "least_connections":
        return LeastConnections()
    if balance == "random_two":
        return RandomTwo(draw)
    return Rendezvous() if balance == "hash" else RoundRobin()


def _load(member: Member, weight: float) -> float:
    """How busy it would be with one more."""
    return (member.in_flight + 1) / weight


def _score(member: Member, weight: float, key: bytes) -> float:
    digest = blake2b(key, digest_size=8, person=b"rendezvous", salt=_salt(member)).digest()
    unit = ((int.from_bytes(digest) >> (64 - _BITS)) + 0.5) / 2**_BITS
    return -weight / math.log(unit)


def _salt(member: Member) -> bytes:
    return blake2b(member.name.encode("utf-8"), digest_size=16).digest()
