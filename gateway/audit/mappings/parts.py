"""What every mapping needs: parts of a record by their path, who produced it, and how grave it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.records.record import Record

NAME: Final = "Wicketgate"
_OWN_FAULTS: Final = frozenset({"internal-error", "unknown-obligation", "audit-unavailable"})
_TROUBLE: Final = frozenset({"refused", "kept", "stale", "failed", "down", "ejected"})


@dataclass(frozen=True, slots=True)
class Producer:
    """The gateway that wrote a log: its `version`, and the name of the `log`, which makes sequence numbers unique."""

    version: str = "unknown"
    log: str = "audit"


@dataclass(frozen=True, slots=True)
class NotMapped:
    """The format has no place for a record, and `why`."""

    why: str


class Level(IntEnum):
    """How grave a record is."""

    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


def at(record: Record, *path: str) -> Any:
    """The value at a path of keys; None where there is none."""
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def both(up: int | None, down: int | None) -> int | None:
    """The bytes of both directions together; None if neither is known."""
    return None if up is None and down is None else (up or 0) + (down or 0)


def level_of(record: Record) -> Level:
    """A denial is worth a look, a fault of the gateway is worth waking somebody, a log that was tampered with more."""
    reason = at(record, "decision", "reason") or record.get("reason")
    match record:
        case {"event": "proof", "outcome": "tampered"}:
            return Level.CRITICAL
        case {"event": "gap"}:
            return Level.HIGH
        case _ if reason in _OWN_FAULTS:
            return Level.HIGH
        case {"event": "decision" | "end" | "connection"}:
            is_denied = at(record, "decision", "verdict") == "deny" or reason is not None
            return Level.LOW if is_denied and at(record, "decision", "verdict") != "allow" else Level.INFORMATIONAL
        case _:
            return Level.MEDIUM if {record.get("outcome"), record.get("standing")} & _TROUBLE else Level.INFORMATIONAL


def milliseconds(record: Record) -> int:
    """The time of a record since the epoch, in milliseconds."""
    return nanoseconds(record) // 1_000_000


def nanoseconds(record: Record) -> int:
    """The time of a record since the epoch, in nanoseconds."""
    moment = datetime.fromisoformat(str(record["time"]))
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def without(part: Any) -> Any:
    """The value without keys that have none: other formats leave out what is not known."""
    match part:
        case dict():
            kept = {key: without(value) for key, value in part.items()}
            return {key: value for key, value in kept.items() if value not in (None, {}, [])}
        case list():
            return [without(each) for each in part]
        case _:
            return part


def rest_of(record: Record, taken: frozenset[str]) -> Record:
    """The keys of a record that a mapping has found no other place for; `taken` names those it has, `client.ip`."""
    rest: Record = {}
    for key, value in record.items():
        inner: object = value
        if isinstance(value, dict):
            inner = {name: part for name, part in value.items() if f"{key}.{name}" not in taken}
        if key not in taken and inner not in (None, {}, []):
            rest[key] = inner
    return rest


def flat(record: Record, prefix: str = "") -> Iterator[tuple[str, str | int | float | bool | list[str]]]:
    """Every known value of a record by its path, `decision.rule`; lists of anything but texts as JSON."""
    for key, value in record.items():
        match value:
            case dict():
                yield from flat(value, f"{prefix}{key}.")
            case list() if all(isinstance(each, str) for each in value):
                if value:
                    yield f"{prefix}{key}", value
            case list():
                yield f"{prefix}{key}", json.dumps(value, separators=(",", ":"))
            case str() | int() | float():
                yield f"{prefix}{key}", value


def address_of(text: Any) -> str | None:
    """The text if it is an address, and not the name that a client has in its place."""
    try:
        return str(Address.parse(text))
    except (Malformed, TypeError):
        return None
