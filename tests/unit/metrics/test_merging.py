from __future__ import annotations

import pytest
from hypothesis import given

from gateway.metrics.families import ACCEPTED, AUDIT_HEALTHY, AUDIT_SYNCED, DURATION, FAMILIES, Kind, Merging
from gateway.metrics.merging import merge
from gateway.metrics.snapshot import BUCKETS, Distribution, Snapshot
from tests.unit.metrics.numbers import SNAPSHOTS, number

EMPTY = (0,) * (BUCKETS - 2)


@given(SNAPSHOTS, SNAPSHOTS)
def test_the_order_means_nothing(one: Snapshot, other: Snapshot) -> None:
    assert merge([one, other]) == merge([other, one])


@given(SNAPSHOTS, SNAPSHOTS, SNAPSHOTS)
def test_groups_may_be_merged_first(one: Snapshot, two: Snapshot, three: Snapshot) -> None:
    assert merge([merge([one, two]), three]) == merge([one, merge([two, three])]) == merge([one, two, three])


@given(SNAPSHOTS)
def test_one_alone_stays_as_it_is(snapshot: Snapshot) -> None:
    assert merge([snapshot]) == merge([Snapshot(), snapshot]) == snapshot


@given(SNAPSHOTS, SNAPSHOTS)
def test_what_only_grows_is_never_less_than_what_one_of_them_says(one: Snapshot, other: Snapshot) -> None:
    together = merge([one, other])

    for name, series in one.families.items():
        if FAMILIES[name].kind is Kind.COUNTER:
            family = FAMILIES[name]
            assert all(number(together, family, *labels) >= number(one, family, *labels) for labels in series)


@pytest.mark.parametrize(
    ("wanted", "family", "values"),
    [(7, ACCEPTED, (3, 4)), (9, AUDIT_SYNCED, (9, 4)), (0, AUDIT_HEALTHY, (1, 0))],
)
def test_every_family_says_how(wanted: int, family: object, values: tuple[int, int]) -> None:
    (found,) = [each for each in FAMILIES.values() if each is family]
    labels = ("x",) * len(found.labels)

    assert merge(Snapshot({found.name: {labels: value}}) for value in values).of(found) == {labels: wanted}


def test_distributions_are_added_bucket_by_bucket() -> None:
    labels = ("egress", "request")
    one = Snapshot({DURATION.name: {labels: Distribution((1, 2, *EMPTY), 10)}})
    other = Snapshot({DURATION.name: {labels: Distribution((3, 0, *EMPTY), 5)}})

    assert merge([one, other]).of(DURATION) == {labels: Distribution((4, 2, *EMPTY), 15)}


def test_distributions_are_never_measured_against_each_other() -> None:
    assert {each.merging for each in FAMILIES.values() if each.kind is Kind.HISTOGRAM} == {Merging.SUM}


def test_a_number_and_a_distribution_are_not_added() -> None:
    labels = ("egress", "request")

    with pytest.raises(TypeError):
        merge([Snapshot({DURATION.name: {labels: 1}}), Snapshot({DURATION.name: {labels: Distribution((), 1)}})])
