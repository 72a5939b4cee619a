"""What is said to a running gateway by its operator, and what it answers: one line of JSON each.

    {"do": "cache.purge", "with": {"url": "https://shop.example/items"}}
    {"done": {"answers": 1}}          or          {"refused": "why, and the way out"}

The lines go over a socket in the state folder that nobody but the gateway's own user and root can open; who it is that
speaks is told by the system and not by the line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.policy.errors import Malformed

SOCKET: Final = "control.sock"
"""The name of the socket, in the state folder."""
MOST: Final = 64 * 1024
"""Bytes that an order has at most."""
MOST_ANSWERED: Final = 8 * 1024 * 1024
"""Bytes that an answer has at most."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, and with what. `by` says on whose behalf, if the process that speaks is but a messenger."""

    verb: str
    given: dict[str, str] = field(default_factory=dict)
    by: str | None = None

    def __bytes__(self) -> bytes:
        return _line({"do": self.verb, "with": self.given} | ({} if self.by is None else {"by": self.by}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: `done` says it in values, or `refused` says why not, in a sentence."""

    done: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None

    def __bytes__(self) -> bytes:
        line = _line({"done": self.done} if self.refused is None else {"refused": self.refused})
        if len(line) > MOST_ANSWERED:
            return _line({"refused": f"the answer has more than {MOST_ANSWERED} bytes, ask for less"})
        return line


def read_order(line: bytes) -> Order:
    """An order from its line. Raises Malformed."""
    said = _read(line, {"do", "with", "by"}, MOST)
    verb, given, by = said.get("do"), said.get("with", {}), said.get("by")
    if not isinstance(verb, str) or not isinstance(given, dict) or not isinstance(by, str | None):
        raise Malformed('an order is a line like `{"do": "cache.stats"}`')
    if not all(isinstance(value, str) for value in given.values()):
        raise Malformed("what an order is given are texts")
    return Order(verb, given, by)


def read_outcome(line: bytes) -> Outcome:
    """What came of an order, from its line. Raises Malformed."""
    said = _read(line, {"done", "refused"}, MOST_ANSWERED)
    done, refused = said.get("done", {}), said.get("refused")
    if len(said) != 1 or not isinstance(done, dict) or not isinstance(refused, str | None):
        raise Malformed("the gateway answered something that cannot be read")
    return Outcome(done, refused)


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode("ascii") + b"\n"


def _read(line: bytes, known: set[str], most: int) -> dict[str, Any]:
    if len(line) > most or not line.endswith(b"\n"):
        raise Malformed(f"it is no line of at most {most} bytes")
    try:
        said = json.loads(line)
    except ValueError:
        raise Malformed("it is no JSON") from None
    if not isinstance(said, dict) or not said.keys() <= known:
        raise Malformed(f"it is no object of {', '.join(f'`{each}`' for each in sorted(known))}")
    return said
