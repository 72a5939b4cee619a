"""The last refusals of what somebody complains about: a decision by its id, or all about a host or an address.

Most refusals are decisions. An exchange that was let through can be refused later, by what is known of the answer or
because the server failed: then the record of its end says so, and its decision says about what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.reader import ignore_damage, seq_of
from gateway.audit.reading.scanning import Scan
from gateway.audit.reading.telling import part
from gateway.audit.records.ids import RANDOM_BITS, decode
from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.audit.reading.reader import OnDamage
    from gateway.audit.records.record import Record

_BEHIND: Final = 86_400.0
"""Seconds by which the time of a record may lie behind that of its identifier, which never goes back."""
_RECENT: Final = 200
"""Exchanges that were let through of which the end is looked at."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision, and the record of its end if only that refused it."""

    record: Record
    end: Record | None = None

    @property
    def reason(self) -> str:
        """Why it was refused, in the word of the log."""
        return str(part(self.end or self.record, "decision").get("reason"))

    @property
    def denied(self) -> bool:
        """Whether it was refused at all."""
        return part(self.end or self.record, "decision").get("verdict") == "deny"


def of_decision(identifier: str) -> Filter:
    """A filter for the records of one decision, which looks no further back than its identifier tells."""
    number = decode(identifier)
    if number is None:
        return Filter(id=identifier)
    return Filter(id=identifier, since=timestamp(max(0.0, (number >> RANDOM_BITS) / 1000 - _BEHIND)))


def records_of(directory: Path, identifier: str, on_damage: OnDamage = ignore_damage) -> list[Record]:
    """Every record of one decision, oldest first, in as much of the log as its identifier tells. Raises OSError."""
    return [record for _, record in matching(Scan(directory, of_decision(identifier), on_damage))]


def exchange(directory: Path, identifier: str, on_damage: OnDamage = ignore_damage) -> Refusal | None:
    """The decision with this id, whatever it was; None if it is not in the log. Raises OSError."""
    found = records_of(directory, identifier, on_damage)
    decisions = [record for record in found if record.get("event") == "decision"]
    return Refusal(decisions[0], _later(found)) if decisions else None


def refusals(directory: Path, wanted: Filter, count: int, on_damage: OnDamage = ignore_damage) -> list[Refusal]:
    """The newest refusals that match, newest first. Raises OSError."""
    asked = replace(wanted, event="decision")
    found = [Refusal(each) for each in newest(directory, replace(asked, verdict="deny"), count, on_damage)]
    passed = {str(each.get("id")): each for each in newest(directory, replace(asked, verdict="allow"), _RECENT)}
    if passed:
        since = min(str(each.get("time")) for each in passed.values())
        ends = newest(directory, Filter(event="end", verdict="deny", since=since), _RECENT)
        found += [Refusal(passed[str(end.get("id"))], end) for end in ends if str(end.get("id")) in passed]
    found.sort(key=lambda each: seq_of(each.end or each.record), reverse=True)
    return found[:count]


def _later(records: Iterable[Record]) -> Record | None:
    """The end of an exchange, if that refused it."""
    return next((each for each in records if each.get("event") == "end" and "decision" in each), None)
