from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.policy.matchers.sides import Side, several, single, without_value
from gateway.policy.model import ABSENT, UNKNOWN, Fact
from tests.gates import BROWSER

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth


def _even(number: int) -> bool:
    return number % 2 == 0


@pytest.mark.parametrize(
    ("denies", "allows", "values"),
    [
        (True, True, (2, 4)),
        (True, False, (1, 2)),
        (False, False, (1, 3)),
        (False, False, ()),
        (False, False, ABSENT),
        (None, None, UNKNOWN),
    ],
)
def test_one_value_is_enough_to_deny_and_all_are_needed_to_allow(
    denies: Truth, allows: Truth, values: Fact[tuple[int, ...]]
) -> None:
    assert several(lambda _: values, _even, Side.RESTRAINS)(BROWSER) is denies
    assert several(lambda _: values, _even, Side.GRANTS)(BROWSER) is allows


@pytest.mark.parametrize(("wanted", "value"), [(True, 2), (False, 1), (False, ABSENT), (None, UNKNOWN)])
def test_a_fact_of_one_value_is_compared_as_it_is(wanted: Truth, value: Fact[int]) -> None:
    assert single(lambda _: value, _even)(BROWSER) is wanted


def test_where_it_is_said_a_fact_that_does_not_exist_matches() -> None:
    assert single(lambda _: ABSENT, _even, absent=True)(BROWSER) is True
    assert several(lambda _: ABSENT, _even, Side.RESTRAINS, absent=True)(BROWSER) is True
    assert several(lambda _: (), _even, Side.RESTRAINS, absent=True)(BROWSER) is True
    assert without_value(UNKNOWN, absent=True) is None


def test_not_turns_the_side_around() -> None:
    assert Side.RESTRAINS.other is Side.GRANTS
    assert Side.GRANTS.other is Side.RESTRAINS
