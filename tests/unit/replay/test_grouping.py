from __future__ import annotations

import pytest

from gateway.policy.model import Verdict
from gateway.replay.grouping import Change, Groups, change_of, top
from gateway.replay.rejudging import Outcome

ALLOWED = Outcome(verdict=Verdict.ALLOW, reason="allowed-by-default")
BY_A = Outcome(verdict=Verdict.DENY, reason="rule-deny", rule="a")
BY_B = Outcome(verdict=Verdict.DENY, reason="rule-deny", rule="b")
PERHAPS_B = Outcome(verdict=Verdict.DENY, reason="rule-deny", rule="b", is_named=False)
LIMITED = Outcome(verdict=Verdict.DENY, reason="rate-exceeded", rule="l")
UNTOLD = Outcome(verdict=None, missing=("header",), open=("a",))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (ALLOWED, ALLOWED, None),
        (BY_A, ALLOWED, Change.NOW_ALLOWED),
        (ALLOWED, BY_A, Change.NOW_DENIED),
        (BY_A, BY_B, Change.OTHERWISE),
        (BY_A, PERHAPS_B, None),
        (ALLOWED, UNTOLD, Change.CANNOT_TELL),
    ],
)
def test_a_change_is_what_differs_for_certain(before: Outcome, after: Outcome, change: Change | None) -> None:
    assert change_of(before, after) is change


def test_the_same_change_is_one_group_with_its_hosts_and_clients_and_an_example_of_each() -> None:
    groups = Groups()
    groups.add(BY_A, ALLOWED, host="x.example", client="10.0.0.1", example="1")
    groups.add(BY_A, ALLOWED, host="y.example", client="10.0.0.1", example="2")
    groups.add(BY_A, ALLOWED, host="y.example", client="10.0.0.2", example="3")
    groups.add(ALLOWED, ALLOWED, host="z.example", client="10.0.0.2", example="4")

    (group,) = groups.sorted()
    assert (group.change, group.count, group.example, groups.same) == (Change.NOW_ALLOWED, 3, "1", 1)
    assert [(name, each.count, each.example) for name, each in top(group.hosts)] == [
        ("y.example", 2, "2"),
        ("x.example", 1, "1"),
    ]
    assert [(name, each.count) for name, each in top(group.clients, 1)] == [("10.0.0.1", 2)]
    assert not group.is_by_limits


def test_groups_are_in_a_fixed_order_and_those_by_limits_say_so() -> None:
    groups = Groups()
    for before, after in ((ALLOWED, UNTOLD), (ALLOWED, LIMITED), (ALLOWED, BY_A), (ALLOWED, BY_A), (BY_A, ALLOWED)):
        groups.add(before, after, host="h", client="c", example="1")

    found = groups.sorted()
    assert [(str(each.change), each.count, each.is_by_limits) for each in found] == [
        ("now allowed", 1, False),
        ("now denied", 2, False),
        ("now denied", 1, True),
        ("cannot tell", 1, False),
    ]
    assert groups.count(Change.NOW_DENIED) == 3
