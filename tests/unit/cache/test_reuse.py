from __future__ import annotations

import pytest

from gateway.cache.reuse import Use, use_after_error, use_of
from tests.unit.cache.exchanges import NOW, asked, cached


@pytest.mark.parametrize(
    ("use", "says", "asks", "later"),
    [
        (Use.FRESH, "max-age=60", "", 0),
        (Use.FRESH, "max-age=60", "", 59.9),
        (Use.ASK, "max-age=60", "", 60),
        (Use.ASK, "max-age=60", "no-cache", 0),
        (Use.ASK, "max-age=60", "max-age=0", 0),
        (Use.FRESH, "max-age=60", "max-age=30", 29),
        (Use.ASK, "max-age=60", "max-age=30", 30),
        (Use.FRESH, "max-age=60", "min-fresh=10", 50),
        (Use.ASK, "max-age=60", "min-fresh=10", 51),
        (Use.STALE, "max-age=60", "max-stale", 6000),
        (Use.STALE, "max-age=60", "max-stale=10", 70),
        (Use.ASK, "max-age=60", "max-stale=10", 71),
        (Use.ASK, "max-age=60, must-revalidate", "max-stale", 61),
        (Use.ASK, "max-age=60, proxy-revalidate", "max-stale", 61),
        (Use.ASK, "s-maxage=60", "max-stale", 61),
        (Use.ASK, "max-age=60, no-cache", "", 0),
        (Use.FRESH, 'max-age=60, no-cache="x"', "", 0),
        (Use.MEANWHILE, "max-age=60, stale-while-revalidate=30", "", 89.9),
        (Use.MEANWHILE, "s-maxage=60, stale-while-revalidate=30", "", 60),
        (Use.ASK, "max-age=60, stale-while-revalidate=30", "", 90),
        (Use.ASK, "max-age=60, stale-while-revalidate=30, must-revalidate", "", 70),
        (Use.ASK, "max-age=60, stale-while-revalidate=30", "max-age=60", 70),
        (Use.FORBIDDEN, "max-age=60", "only-if-cached", 60),
        (Use.FRESH, "max-age=60", "only-if-cached", 0),
        (Use.STALE, "max-age=60", "only-if-cached, max-stale=100", 60),
    ],
)
def test_both_sides_have_a_say_in_what_may_be_done(use: Use, says: str, asks: str, later: float) -> None:
    request = asked(f"Cache-Control: {asks}") if asks else asked()

    assert use_of(request, cached(says), NOW + later).use is use


def test_it_is_told_how_old_an_answer_is_and_how_much_longer_it_is_fresh() -> None:
    found = use_of(asked(), cached("max-age=60", "Age: 10"), NOW + 20)

    assert (found.age, found.left) == (30.0, 30.0)


@pytest.mark.parametrize(
    ("may", "says", "asks", "later"),
    [
        (True, "max-age=60, stale-if-error=30", "", 90),
        (False, "max-age=60, stale-if-error=30", "", 91),
        (False, "max-age=60", "", 61),
        (True, "max-age=60", "stale-if-error=30", 90),
        (False, "max-age=60, stale-if-error=30, must-revalidate", "", 70),
        (False, "max-age=60, stale-if-error=30", "no-cache", 70),
        (False, "no-cache, stale-if-error=30", "", 1),
    ],
)
def test_a_stale_answer_stands_in_for_a_failing_origin_only_where_that_is_allowed(
    says: str, asks: str, later: float, *, may: bool
) -> None:
    request = asked(f"Cache-Control: {asks}") if asks else asked()

    assert use_after_error(request, cached(says), NOW + later) is may
