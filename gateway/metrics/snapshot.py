"""The numbers of one moment, as values that cannot change, and as JSON for whoever asks another process for them.

    {"families": {"wicketgate_connections_open": [[["egress"], 3]]}}

Every value is a whole number (see `families.GRAIN`), a distribution is its buckets and its sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeIs

from gateway.metrics.families import BOUNDS, FAMILIES, Kind
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.metrics.families import Family

BUCKETS: Final = len(BOUNDS) + 1


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many values fell into each bucket, not added up; their sum in microseconds."""

    counts: tuple[int, ...]
    total: int


type Value = int | Distribution
type Labels = tuple[str, ...]
type Series = Mapping[Labels, Value]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """By the name of a family, its values by the values of its labels."""

    families: Mapping[str, Series] = field(default_factory=dict)

    def of(self, family: Family) -> Series:
        """The values of one family; none if there is nothing of it."""
        return self.families.get(family.name, {})

    def as_data(self) -> dict[str, Any]:
        """What `read` understands, for JSON."""
        return {
            "families": {
                name: [[list(labels), _data(value)] for labels, value in series.items()]
                for name, series in self.families.items()
            }
        }


def read(data: object) -> Snapshot:
    """A snapshot from what `as_data` gave. Raises Malformed."""
    if not isinstance(data, dict) or not isinstance(families := data.get("families"), dict):
        raise Malformed("these are no metrics")
    return Snapshot({name: _series(name, rows) for name, rows in families.items()})


def _series(name: str, rows: object) -> Series:
    family = FAMILIES.get(name)
    if family is None or not isinstance(rows, list):
        raise Malformed(f"there are no metrics `{name}`; command and gateway may be of different versions")
    return dict(_row(family, row) for row in rows)


def _row(family: Family, row: object) -> tuple[Labels, Value]:
    match row:
        case [list(labels), value] if len(labels) == len(family.labels) and all(
            isinstance(each, str) for each in labels
        ):
            return tuple(labels), _value(family, value)
    raise Malformed(f"a value of `{family.name}` cannot be read")


def _value(family: Family, value: object) -> Value:
    if family.kind is not Kind.HISTOGRAM:
        if _is_number(value):
            return value
    else:
        match value:
            case [list(counts), total] if len(counts) == BUCKETS and all(map(_is_number, counts)) and _is_number(total):
                return Distribution(tuple(counts), total)
    raise Malformed(f"a value of `{family.name}` cannot be read")


def _is_number(value: object) -> TypeIs[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _data(value: Value) -> object:
    return value if isinstance(value, int) else [list(value.counts), value.total]
