from __future__ import annotations

from itertools import product

import pytest

from gateway.policy.kleene import Matcher, Truth, conjunction, constantly, disjunction, negation, settled
from tests.gates import BROWSER

TRUTHS: tuple[Truth, ...] = (True, False, None)


def _matchers(*truths: Truth) -> list[Matcher]:
    return [constantly(truth=truth) for truth in truths]


@pytest.mark.parametrize(
    ("wanted", "truths"),
    [
        (True, ()),
        (True, (True, True)),
        (False, (True, False)),
        (None, (True, None)),
        (False, (None, False)),
        (False, (False, None)),
        (None, (None, None)),
        (None, (None,)),
    ],
)
def test_a_conjunction_is_false_as_soon_as_one_part_is(wanted: Truth, truths: tuple[Truth, ...]) -> None:
    assert conjunction(_matchers(*truths))(BROWSER) is wanted


@pytest.mark.parametrize(
    ("wanted", "truths"),
    [
        (False, ()),
        (True, (False, True)),
        (False, (False, False)),
        (None, (False, None)),
        (True, (None, True)),
        (True, (True, None)),
        (None, (None,)),
    ],
)
def test_a_disjunction_is_true_as_soon_as_one_part_is(wanted: Truth, truths: tuple[Truth, ...]) -> None:
    assert disjunction(_matchers(*truths))(BROWSER) is wanted


@pytest.mark.parametrize(("wanted", "truth"), [(False, True), (True, False), (None, None)])
def test_the_opposite_of_unknown_is_unknown(wanted: Truth, truth: Truth) -> None:
    assert negation(constantly(truth=truth))(BROWSER) is wanted


@pytest.mark.parametrize("unknown", [True, False])
def test_settling_changes_the_unknown_alone(*, unknown: bool) -> None:
    answers = [settled(constantly(truth=truth), unknown=unknown)(BROWSER) for truth in TRUTHS]

    assert answers == [True, False, unknown]


def test_the_laws_of_de_morgan_hold_with_three_values() -> None:
    for one, other in product(TRUTHS, TRUTHS):
        neither = negation(disjunction(_matchers(one, other)))
        both_not = conjunction([negation(part) for part in _matchers(one, other)])
        assert neither(BROWSER) is both_not(BROWSER), (one, other)


def test_learning_what_was_unknown_never_turns_an_answer_around() -> None:
    for combine in (conjunction, disjunction):
        for known, learnt in product(TRUTHS, (True, False)):
            before = combine(_matchers(known, None))(BROWSER)
            after = combine(_matchers(known, learnt))(BROWSER)
            assert before is None or before is after
