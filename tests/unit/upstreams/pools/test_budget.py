from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.pools.budget import RetryBudget


def _spent(budget: RetryBudget, now: float, wishes: int) -> int:
    return sum(budget.spend(now) for _ in range(wishes))


def test_a_fifth_of_the_requests_may_be_tried_again() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.requested(1000.0)

    assert _spent(budget, 1000.0, 50) == 20


def test_where_there_are_few_requests_a_few_may_be_tried_again_all_the_same() -> None:
    budget = RetryBudget()
    budget.requested(1000.0)

    assert _spent(budget, 1000.0, 50) == 3


def test_what_was_spent_is_forgotten_with_the_requests_that_allowed_it() -> None:
    budget = RetryBudget()
    for _ in range(100):
        budget.requested(1000.0)
    spent = [_spent(budget, now, 50) for now in (1000.0, 1009.0, 1010.0, 1030.0, 1031.0)]

    assert spent == [20, 0, 0, 3, 0]


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 4.0)), max_size=300))
def test_retries_never_outgrow_their_share_over_two_windows(steps: list[tuple[bool, float]]) -> None:
    budget, now = RetryBudget(), 1000.0
    requests: list[float] = []
    retries: list[float] = []

    for asks, later in steps:
        now += later
        if asks:
            budget.requested(now)
            requests.append(now)
        elif budget.spend(now):
            retries.append(now)
        window = [at for at in retries if at > now - 10.0]
        seen = [at for at in requests if at > now - 30.0]
        assert len(window) <= max(3, 0.2 * len(seen)) + 3
