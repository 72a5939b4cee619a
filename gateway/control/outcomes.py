"""What came of reading things again: part by part, as values that the log, an order and a person can be told.

A part is taken up as a whole, or what was in force before it stays in force; a fault in one part keeps no other from
being taken up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

type Cause = Literal["signal", "file", "order"]
"""Who wanted it: a SIGHUP, a file that has changed, or an operator over the control socket."""
type What = Literal["policy", "list", "configuration", "authorities", "certificates", "trust"]
"""The parts: `configuration` is routes and upstreams, `trust` is whom servers are measured by."""


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
        return tuple(self._of("kept"))

    def data(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "cause": self.cause,
            "ended": timestamp(self.ended),
            "kept": len(self.kept),
            "parts": [each.data() for each in self.parts],
        }

    def _of(self, state: str) -> Iterator[PartOutcome]:
        return (each for each in self.parts if each.state == state)
