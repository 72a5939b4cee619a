"""How an exporter is: how far behind, and what is in its way. Values for the operator and for metrics."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

type State = Literal["starting", "sending", "failing", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One exporter: `seq` is the last number that its receiver has, `waiting` how many records of the log come after.

    `seconds` is how old the oldest of them is, if it was read; `missing` how many were gone before they were read;
    `error` the last thing that went wrong, which is over if the state is `sending`.
    """

    name: str
    state: State = "starting"
    seq: int = 0
    waiting: int = 0
    seconds: float = 0.0
    missing: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What an exporter tells: how it is, a sentence for the operator, or how many records it will never send."""

    health: Health | None = None
    sentence: str | None = None
    missing: str | None = None

    def as_line(self) -> bytes:
        """The same as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Said:
        """What `as_line` wrote."""
        found = json.loads(line)
        health = found["health"]
        return cls(None if health is None else Health(**health), found["sentence"], found["missing"])
