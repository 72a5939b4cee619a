from __future__ import annotations

from gateway.policy.matchers.context import Context
from tests.conditions import context, matcher
from tests.gates import facts


def test_a_context_without_lists_and_groups_is_empty() -> None:
    assert (dict(Context().lists), dict(Context().groups)) == ({}, {})


def test_conditions_find_the_lists_and_groups_of_their_policy() -> None:
    assert {"names", "nets"} <= set(context().lists)
    assert {"staff", "build", "lab"} == set(context().groups)
    assert matcher("group", ["lab"])(facts(client="10.1.0.1")) is True
