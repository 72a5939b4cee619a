from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.pools.health import Health, HealthRules

OUTCOMES = st.lists(st.booleans(), max_size=40)


def _after(*outcomes: bool) -> bool:
    health = Health()
    for well in outcomes:
        health.checked(well=well)
    return health.is_up


@pytest.mark.parametrize(
    ("outcomes", "is_up"),
    [
        ((), True),
        ((False,), False),
        ((True, False, False), True),
        ((True, False, False, False), False),
        ((True, False, False, True, False, False), True),
        ((False, True), False),
        ((False, True, True), True),
        ((False, True, False, True), False),
    ],
)
def test_a_server_falls_after_three_failures_and_rises_after_two_successes(
    outcomes: tuple[bool, ...], *, is_up: bool
) -> None:
    assert _after(*outcomes) is is_up


def test_the_first_check_decides_at_once() -> None:
    health = Health(HealthRules(fall=10, rise=10))

    assert health.checked(well=False)
    assert not health.is_up


@given(OUTCOMES)
def test_a_change_is_told_exactly_when_the_state_changes(outcomes: list[bool]) -> None:
    health = Health()

    for well in outcomes:
        before = health.is_up
        assert health.checked(well=well) == (health.is_up is not before)


@given(OUTCOMES, st.booleans())
def test_as_many_of_the_same_outcome_as_the_rules_want_settle_it(outcomes: list[bool], last: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    assert _after(*outcomes, last, last, last) is last
