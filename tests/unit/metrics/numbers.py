"""Snapshots as any gateway could have taken them."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from gateway.metrics.families import FAMILIES, Family, Kind
from gateway.metrics.snapshot import BUCKETS, Distribution, Series, Snapshot

_WORDS: Final = st.text(max_size=6) | st.sampled_from(["egress", "no-ads", 'say "no"', "back\\slash", "two\nlines"])
_COUNTS: Final = st.integers(0, 2**40)


def number(snapshot: Snapshot, family: Family, *labels: str) -> int:
    """One value that is no distribution."""
    value = snapshot.of(family)[labels]
    assert isinstance(value, int)
    return value


def _distributions() -> st.SearchStrategy[Distribution]:
    return st.builds(Distribution, st.tuples(*[_COUNTS] * BUCKETS), st.integers(0, 2**50))


def _series(family: Family) -> st.SearchStrategy[Series]:
    values = _distributions() if family.kind is Kind.HISTOGRAM else _COUNTS
    return st.dictionaries(st.tuples(*[_WORDS] * len(family.labels)), values, min_size=1, max_size=3)


SNAPSHOTS: Final = st.lists(st.sampled_from(list(FAMILIES)), unique=True, max_size=6).flatmap(
    lambda names: st.fixed_dictionaries({name: _series(FAMILIES[name]) for name in names}).map(Snapshot)
)
"""Some families, each with some series under any words as labels."""
