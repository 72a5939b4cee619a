from __future__ import annotations

from time import perf_counter

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.rates import Limiter, Rate, Standing, default_burst

ADMITTED = 0.0
EPOCH = 1.9e9


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ((600, 60.0), "600/min"),
        ((10, 1.0), "10/s"),
        ((10, 1.0), "10/second"),
        ((5, 900.0), "5/15min"),
        ((1000, 3600.0), "1000 / h"),
        ((1, 86400.0), "1/day"),
    ],
)
def test_a_rate_is_requests_per_time(wanted: tuple[int, float], text: str) -> None:
    assert wanted == Rate.parse(text)


@pytest.mark.parametrize(
    ("way_out", "text"),
    [
        ("did you mean `600/min`", "600/m"),
        ("write `s`, `min`, `h` or `d`", "600/week"),
        ("write `s`, `min`, `h` or `d`", "600/"),
        ("like `600/min`", "600"),
        ("like `600/min`", "-1/s"),
        ("like `600/min`", "1.5/s"),
        ("like `600/min`", "٣/s"),
        ("deny it by a rule", "0/min"),
        ("deny it by a rule", "5/0min"),
    ],
)
def test_a_rate_that_means_nothing_is_refused_with_a_way_out(way_out: str, text: str) -> None:
    with pytest.raises(Malformed) as refused:
        Rate.parse(text)

    assert way_out in str(refused.value)
    assert f"`{text}`" in str(refused.value)


@pytest.mark.parametrize(("amount", "period", "burst"), [(0, 1.0, 1), (1, 0.0, 1), (1, 1.0, 0)])
def test_a_rate_that_lets_nothing_pass_cannot_be_made(amount: int, period: float, burst: int) -> None:
    with pytest.raises(Malformed, match="nothing could pass"):
        Rate(amount=amount, period=period, burst=burst)


@pytest.mark.parametrize(
    ("burst", "text"),
    [
        (5, "5/min"),  # all tries of a login at once
        (100, "600/min"),
        (100, "100000/d"),  # not all of a day's at midnight
        (5000, "5000/s"),  # never less than comes in a second
    ],
)
def test_a_rate_without_a_burst_gets_a_sensible_one(burst: int, text: str) -> None:
    assert burst == default_burst(*Rate.parse(text))
    assert burst == Rate.of(text).burst


def test_a_burst_is_admitted_and_then_the_rate_holds() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=2), capacity=10)

    waits = [limiter.hit(("10.0.0.1",), now=EPOCH + at) for at in (0.0, 0.0, 0.0, 0.5, 1.0)]

    assert waits == [ADMITTED, ADMITTED, 1.0, 0.5, ADMITTED]


def test_refused_requests_do_not_make_the_wait_longer() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=1), capacity=10)

    waits = [limiter.hit(("k",), now=EPOCH) for _ in range(50)]

    assert [ADMITTED, *[1.0] * 49] == waits


def test_a_very_high_rate_is_still_a_limit() -> None:
    limiter = Limiter(Rate(amount=100_000_000, period=1.0, burst=3), capacity=1)

    waits = [limiter.hit(("k",), now=EPOCH) for _ in range(4)]

    assert waits[:3] == [ADMITTED] * 3
    assert 0 < waits[3] <= 1e-8


def test_a_clock_that_goes_back_admits_nothing_more() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=1), capacity=10)

    assert [limiter.hit(("k",), now=EPOCH), limiter.hit(("k",), now=EPOCH - 60)] == [ADMITTED, 61.0]


@pytest.mark.parametrize("now", [float("nan"), float("inf")])
def test_a_time_that_is_none_admits_nothing(now: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Limiter(Rate.of("1/s"), capacity=1).hit(("k",), now=now)


def test_peeking_tells_and_counts_nothing() -> None:
    limiter = Limiter(Rate(amount=2, period=1.0, burst=3), capacity=10)
    limiter.hit(("k",), now=EPOCH)

    standings = [limiter.peek(("k",), now=EPOCH + at) for at in (0.0, 0.0, 0.25, 0.5, 9.0)]

    assert [Standing(2, 0.5), Standing(2, 0.5), Standing(2, 0.25), Standing(3, 0.0), Standing(3, 0.0)] == standings
    assert Standing(3, 0.0) == limiter.peek(("stranger",), now=EPOCH)
    assert limiter.keys == 1


def test_a_full_table_forgets_only_idle_keys_and_refuses_new_ones_meanwhile() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=1), capacity=1)

    assert [limiter.hit((key,), now=at) for key, at in (("a", 0.0), ("b", 0.5), ("b", 1.0))] == [
        ADMITTED,
        0.5,
        ADMITTED,
    ]
    assert limiter.keys == 1


def test_a_full_table_keeps_serving_the_keys_that_it_knows() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=5), capacity=1)
    limiter.hit(("a",), now=0.0)

    assert limiter.hit(("b",), now=0.0) > 0
    assert limiter.hit(("a",), now=0.0) == ADMITTED


def test_a_key_that_stayed_busy_is_passed_over_for_an_idle_one() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=9), capacity=2)
    for key, at in (("busy", 0.0), ("idle", 0.5), ("busy", 0.5), ("busy", 0.5)):
        limiter.hit((key,), now=at)

    assert limiter.hit(("new",), now=1.6) == ADMITTED
    assert limiter.peek(("busy",), now=1.6).remaining == 7
    assert limiter.keys == 2


def test_keys_that_went_away_leave_the_table_though_it_is_not_full() -> None:
    limiter = Limiter(Rate(amount=1, period=1.0, burst=1), capacity=1_000)
    for number in range(500):
        limiter.hit((number,), now=0.0)

    for number in range(500):
        limiter.hit((-1,), now=10.0 + 2 * number)

    assert limiter.keys == 1


def test_a_full_table_answers_a_flood_of_new_keys_as_fast_as_a_small_one() -> None:
    def seconds(capacity: int) -> float:
        limiter = Limiter(Rate(amount=1, period=1000.0, burst=3), capacity)
        for number in range(capacity):
            limiter.hit((number,), now=0.0)
        started = perf_counter()
        for number in range(2_000):
            assert limiter.hit((-number - 1,), now=1.0) > 0
        return perf_counter() - started

    assert min(seconds(50_000) for _ in range(3)) < 10 * min(seconds(50) for _ in range(3))
