"""Several processes as one: each family says how its values come together, and none of the ways asks for an order.

Adding up snapshots is associative and commutative: workers may be asked in any order, and groups of them first.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from gateway.metrics.families import FAMILIES, Merging
from gateway.metrics.snapshot import Distribution, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.metrics.snapshot import Series, Value


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """What all of them say together; an empty one changes nothing."""
    return reduce(_both, snapshots, Snapshot())


def _both(one: Snapshot, other: Snapshot) -> Snapshot:
    names = [name for name in FAMILIES if name in one.families or name in other.families]
    return Snapshot({name: _joined(name, one.families.get(name, {}), other.families.get(name, {})) for name in names})


def _joined(name: str, one: Series, other: Series) -> Series:
    merging = FAMILIES[name].merging
    together = dict(one)
    for labels, value in other.items():
        before = together.get(labels)
        together[labels] = value if before is None else _value(merging, before, value)
    return together


def _value(merging: Merging, one: Value, other: Value) -> Value:
    if isinstance(one, Distribution) and isinstance(other, Distribution):
        counts = tuple(map(sum, zip(one.counts, other.counts, strict=True)))
        return Distribution(counts, one.total + other.total)
    if isinstance(one, Distribution) or isinstance(other, Distribution):
        raise TypeError("a number and a distribution are no values of one family")
    match merging:
        case Merging.SUM:
            return one + other
        case Merging.MAX:
            return max(one, other)
        case Merging.MIN:
            return min(one, other)
