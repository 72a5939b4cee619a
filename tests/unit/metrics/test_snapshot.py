from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from gateway.metrics.families import DURATION, OPEN
from gateway.metrics.snapshot import BUCKETS, Distribution, Snapshot, read
from gateway.policy.errors import Malformed
from tests.unit.metrics.numbers import SNAPSHOTS

NOTHING = [0] * BUCKETS


@given(SNAPSHOTS)
def test_what_is_written_as_json_is_read_back(snapshot: Snapshot) -> None:
    assert read(json.loads(json.dumps(snapshot.as_data()))) == snapshot


def test_the_values_of_a_family_are_found_and_of_another_there_are_none() -> None:
    snapshot = Snapshot({OPEN.name: {("egress",): 3}})

    assert snapshot.of(OPEN) == {("egress",): 3}
    assert snapshot.of(DURATION) == {}


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("these are no metrics", []),
        ("these are no metrics", {"families": [1]}),
        ("may be of different versions", {"families": {"wicketgate_other": []}}),
        ("may be of different versions", {"families": {OPEN.name: 3}}),
        (f"`{OPEN.name}` cannot be read", {"families": {OPEN.name: [[[], 3]]}}),
        (f"`{OPEN.name}` cannot be read", {"families": {OPEN.name: [[["egress"], 1.5]]}}),
        (f"`{OPEN.name}` cannot be read", {"families": {OPEN.name: [[["egress"], True]]}}),
        (f"`{OPEN.name}` cannot be read", {"families": {OPEN.name: [[[1], 1]]}}),
        (f"`{OPEN.name}` cannot be read", {"families": {OPEN.name: [7]}}),
        (f"`{DURATION.name}` cannot be read", {"families": {DURATION.name: [[["egress", "request"], 1]]}}),
        (f"`{DURATION.name}` cannot be read", {"families": {DURATION.name: [[["a", "b"], [[1], 1]]]}}),
        (f"`{DURATION.name}` cannot be read", {"families": {DURATION.name: [[["a", "b"], [NOTHING, "1"]]]}}),
    ],
)
def test_what_is_no_snapshot_is_refused(why: str, data: Any) -> None:
    with pytest.raises(Malformed, match=why):
        read(data)


def test_a_distribution_is_its_buckets_and_its_sum() -> None:
    data = {"families": {DURATION.name: [[["egress", "request"], [[1, *NOTHING[1:]], 250]]]}}

    assert read(data).of(DURATION) == {("egress", "request"): Distribution((1, *NOTHING[1:]), 250)}
