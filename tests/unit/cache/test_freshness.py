from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.freshness import age, explicit_lifetime, initial_age, lifetime
from tests.unit.cache.exchanges import DATE, NOW, answered, cached

LATER = "Sun, 09 Sep 2001 01:47:40 GMT"
EARLIER = "Sun, 09 Sep 2001 01:45:40 GMT"
TEN_DAYS_BEFORE = "Thu, 30 Aug 2001 01:46:40 GMT"


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        (("Cache-Control: max-age=60",), 60.0),
        (("Cache-Control: max-age=60, s-maxage=5",), 5.0),
        (("Cache-Control: max-age=60", f"Expires: {LATER}"), 60.0),
        (("Cache-Control: s-maxage=x, max-age=60",), 0.0),
        ((f"Expires: {LATER}", f"Date: {DATE}"), 60.0),
        ((f"Expires: {LATER}",), 60.0),
        ((f"Expires: {EARLIER}", f"Date: {DATE}"), 0.0),
        (("Expires: 0",), 0.0),
        ((f"Expires: {LATER}", f"Expires: {LATER}"), 0.0),
        ((), None),
    ],
)
def test_what_the_origin_says_counts_in_this_order(fields: tuple[str, ...], seconds: float | None) -> None:
    assert explicit_lifetime(answered(*fields)) == seconds


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [(200, (), 86_400.0), (404, (), 86_400.0), (418, (), 0.0), (418, ("Cache-Control: public",), 86_400.0)],
)
def test_where_it_says_nothing_a_tenth_of_its_rest_is_guessed_a_day_at_most(
    status: int, said: tuple[str, ...], seconds: float
) -> None:
    assert lifetime(answered(f"Last-Modified: {TEN_DAYS_BEFORE}", *said, status=status)) == seconds


def test_a_guess_is_a_tenth_of_the_time_since_the_last_change() -> None:
    assert lifetime(answered(f"Last-Modified: {EARLIER}")) == pytest.approx(6.0)
    assert lifetime(answered(f"Last-Modified: {LATER}")) == 0.0
    assert lifetime(answered()) == 0.0


@pytest.mark.parametrize(
    ("fields", "asked_at", "came_at", "seconds"),
    [
        ((f"Date: {DATE}",), NOW, NOW, 0.0),
        ((f"Date: {DATE}",), NOW + 8, NOW + 10, 10.0),
        (("Age: 30",), NOW, NOW, 30.0),
        (("Age: 30",), NOW - 2, NOW, 32.0),
        (("Age: 3", f"Date: {EARLIER}"), NOW, NOW, 60.0),
        (("Age: x",), NOW, NOW, 0.0),
        (("Age: -5",), NOW, NOW, 0.0),
        ((f"Date: {LATER}",), NOW, NOW, 0.0),
    ],
)
def test_an_answer_is_as_old_as_the_worst_that_can_be_said_of_it(
    fields: tuple[str, ...], asked_at: float, came_at: float, seconds: float
) -> None:
    assert initial_age(answered(*fields, asked_at=asked_at, came_at=came_at)) == seconds


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_an_answer_grows_older_with_time_and_never_younger(first: float, more: float) -> None:
    answer = cached("max-age=60", "Age: 7")

    assert 7.0 <= age(answer, NOW + first) <= age(answer, NOW + first + more)
