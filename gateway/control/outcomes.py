"""What came of reading things again: part by part, as values that the log, an order and a person can be told.

A part is taken up as a whole, or what was in force before it stays in force; a fault in one part keeps no other from
being taken up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.records.events import Cause

type What = Literal["policy", "list", "configuration", "authorities", "certificates", "trust"]
"""The parts: `configuration` is routes and upstreams, `trust` is whom servers are measured by."""
type Key = tuple[What, str | None, str | None]
"""A part, its listener, and for a list its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutcome:
    """One part was `loaded`, or what was in force before is `kept`: then the problems say why.

    `listener` is None for what belongs to none, `name` is that of a list or a policy. `digest` is of what is in force
    now, where that has one. Problems and notices are sentences for people.
    """

    what: What
    state: Literal["loaded", "kept"]
    listener: str | None = None
    name: str | None = None
    digest: str | None = None
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """By what it is known among others."""
        return self.what, self.listener, self.name if self.what == "list" else None

    def data(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "what": self.what,
            "state": self.state,
            "listener": self.listener,
            "name": self.name,
            "digest": self.digest,
            "problems": list(self.problems),
            "notices": list(self.notices),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What one reload came to; `ended` is in seconds since the epoch."""

    cause: Cause
    ended: float
    parts: tuple[PartOutcome, ...]

    @property
    def kept(self) -> tuple[PartOutcome, ...]:
        """The parts that were refused."""
        return tuple(each for each in self.parts if each.state == "kept")

    def data(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "cause": self.cause,
            "ended": timestamp(self.ended),
            "kept": len(self.kept),
            "parts": [each.data() for each in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How a part stands: what came of it the last time and why it was read, and when it was last taken up.

    Times are in seconds since the epoch; `kept_since` is None for what is in force as it is written.
    """

    last: PartOutcome
    cause: Cause
    loaded: float | None
    kept_since: float | None = None

    def data(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **self.last.data(),
            "cause": self.cause,
            "loaded": None if self.loaded is None else timestamp(self.loaded),
            "kept_since": None if self.kept_since is None else timestamp(self.kept_since),
        }


@dataclass(slots=True)
class Ledger:
    """How every part stands, and how often each kind of part was taken up, or refused, since the start."""

    counts: dict[tuple[What, Literal["loaded", "kept"]], int] = field(default_factory=dict)
    _standings: dict[Key, Standing] = field(default_factory=dict)

    def note(self, outcomes: Outcomes) -> None:
        """Something was read. A policy that was taken up names its lists anew, others are forgotten."""
        named = {each.key for each in outcomes.parts}
        anew = {each.listener for each in outcomes.parts if each.what == "policy" and each.state == "loaded"}
        for key in [key for key in self._standings if key[0] == "list" and key[1] in anew and key not in named]:
            del self._standings[key]
        for each in outcomes.parts:
            counted = each.what, each.state
            self.counts[counted] = self.counts.get(counted, 0) + 1
            self._standings[each.key] = _after(self._standings.get(each.key), each, outcomes)

    def __iter__(self) -> Iterator[Standing]:
        return iter(tuple(self._standings.values()))

    def data(self) -> dict[str, Any]:
        """As plain values."""
        counts = [{"what": what, "state": state, "count": count} for (what, state), count in self.counts.items()]
        return {"parts": [each.data() for each in self], "counts": counts}


def _after(before: Standing | None, found: PartOutcome, outcomes: Outcomes) -> Standing:
    if found.state == "loaded":
        return Standing(found, outcomes.cause, outcomes.ended)
    since = None if before is None else before.kept_since
    loaded = None if before is None else before.loaded
    return Standing(found, outcomes.cause, loaded, outcomes.ended if since is None else since)
