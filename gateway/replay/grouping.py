"""What would change, in groups: the same change for the same reason, with hosts, clients and an example of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.policy.model import Reason, Verdict

if TYPE_CHECKING:
    from gateway.replay.rejudging import Outcome

BY_LIMITS: Final = frozenset(
    {Reason.RATE_EXCEEDED, Reason.CONCURRENCY_EXCEEDED, Reason.LIMIT_TABLE_FULL, Reason.LIMITS_UNAVAILABLE}
)
"""Reasons that rest on counters."""
SHOWN: Final = 100
"""Hosts and clients of a group that are told."""


class Change(StrEnum):
    """What would be different."""

    NOW_ALLOWED = "now allowed"
    NOW_DENIED = "now denied"
    OTHERWISE = "same verdict by another rule"
    CANNOT_TELL = "cannot tell"


def change_of(before: Outcome, after: Outcome) -> Change | None:
    """How two outcomes differ; None if they do not, as far as it can be told."""
    if after.verdict is None:
        return Change.CANNOT_TELL
    if after.verdict is not before.verdict:
        return Change.NOW_ALLOWED if after.verdict is Verdict.ALLOW else Change.NOW_DENIED
    if after.is_named and (after.reason, after.rule) != (before.reason, before.rule):
        return Change.OTHERWISE
    return None


@dataclass(slots=True)
class Tally:
    """How many, and the first of them."""

    example: str
    count: int = 0


@dataclass(slots=True)
class Group:
    """Requests that change in the same way."""

    change: Change
    before: Outcome
    after: Outcome
    example: str
    count: int = 0
    hosts: dict[str, Tally] = field(default_factory=dict)
    clients: dict[str, Tally] = field(default_factory=dict)

    @property
    def is_by_limits(self) -> bool:
        """Whether counters that began at zero have a part in it."""
        return not BY_LIMITS.isdisjoint({self.before.reason, self.after.reason})


@dataclass(slots=True)
class Groups:
    """All groups of a replay, and how many requests stay as they are."""

    same: int = 0
    _groups: dict[tuple[object, ...], Group] = field(default_factory=dict)

    def add(self, before: Outcome, after: Outcome, *, host: str, client: str, example: str) -> None:
        """Count a request in its group."""
        change = change_of(before, after)
        if change is None:
            self.same += 1
            return
        group = self._groups.setdefault((change, before, after), Group(change, before, after, example))
        group.count += 1
        for tallies, name in ((group.hosts, host), (group.clients, client)):
            tallies.setdefault(name, Tally(example)).count += 1

    def sorted(self) -> list[Group]:
        """The groups, by what changes, the largest first."""
        kinds = list(Change)
        return sorted(
            self._groups.values(),
            key=lambda group: (kinds.index(group.change), -group.count, group.before.phrase, group.after.phrase),
        )

    def count(self, change: Change) -> int:
        """How many requests change in this way."""
        return sum(group.count for group in self._groups.values() if group.change is change)


def top(tallies: dict[str, Tally], most: int = SHOWN) -> list[tuple[str, Tally]]:
    """The names with the largest counts, in a fixed order."""
    return sorted(tallies.items(), key=lambda item: (-item[1].count, item[0]))[:most]
