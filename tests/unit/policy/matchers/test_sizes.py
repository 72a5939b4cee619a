from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.language.conditions import Condition
from gateway.policy.matchers.sizes import bound_of, growing_size_matcher, provable
from gateway.policy.model import ABSENT, UNKNOWN
from tests.conditions import ALLOW, DENY, truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth

ABOVE = Condition("request.size", "above", (100,))
BELOW = Condition("request.size", "below", (100,))


@pytest.mark.parametrize(
    ("wanted", "fact", "asked", "given"),
    [
        (False, "request.size", {"above": "1kB"}, {"request_size": 1000}),
        (True, "request.size", {"above": "1kB"}, {"request_size": 1001}),
        (True, "request.size", {"below": "1kB"}, {"request_size": 999}),
        (False, "request.size", {"below": "1kB"}, {"request_size": 1000}),
        (True, "response.size", {"above": 10}, {"response_size": 11}),
        (True, "response.status", {"above": 499}, {"response_status": 500}),
        (False, "response.status", {"below": 400}, {"response_status": 400}),
        (None, "request.size", {"above": 10}, {"request_size": UNKNOWN}),
        (False, "response.status", {"above": 499}, {"response_status": ABSENT}),
    ],
)
def test_a_bound_itself_is_neither_above_nor_below(wanted: Truth, fact: str, asked: Any, given: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth(fact, asked, facts(**given), side) is wanted


@pytest.mark.parametrize(
    ("denies", "excludes", "condition", "passed"),
    [
        (None, False, ABOVE, 100),
        (True, True, ABOVE, 101),
        (True, None, BELOW, 99),
        (False, False, BELOW, 100),
        (None, None, ABOVE, UNKNOWN),
        (None, None, BELOW, UNKNOWN),
        (False, False, ABOVE, ABSENT),
    ],
)
def test_of_a_growing_body_only_what_it_can_prove_stays_open(
    denies: Truth, excludes: Truth, condition: Condition, passed: Any
) -> None:
    known = facts(request_size=passed)

    assert growing_size_matcher(condition, DENY)(known) is denies
    assert growing_size_matcher(condition, ALLOW)(known) is excludes


def test_a_passing_body_proves_that_it_is_large_and_never_that_it_is_small() -> None:
    assert provable(ABOVE, DENY)
    assert provable(BELOW, ALLOW)
    assert not provable(BELOW, DENY)
    assert not provable(ABOVE, ALLOW)


@pytest.mark.parametrize(
    ("denies", "allows", "version"),
    [
        (True, True, "1.0"),
        (True, True, "1.1"),
        (False, False, "1.2"),
        (False, False, "1.3"),
        (True, False, "ssl3"),
        (False, False, ABSENT),
        (None, None, UNKNOWN),
    ],
)
def test_a_tls_version_that_nobody_knows_counts_against_the_request(denies: Truth, allows: Truth, version: Any) -> None:
    known = facts(tls_version=version)

    assert truth("tls.version", {"below": "1.2"}, known, DENY) is denies
    assert truth("tls.version", {"below": "1.2"}, known, ALLOW) is allows


def test_a_bound_is_a_number() -> None:
    assert bound_of(ABOVE) == 100
    with pytest.raises(TypeError, match=r"`request\.size` is compared with a number"):
        bound_of(Condition("request.size", "above", ("many",)))
