from __future__ import annotations

from gateway.policy.concurrency import Concurrency
from gateway.policy.model import Reason

ALICE = ("alice",)
BOB = ("bob",)


def test_as_many_run_as_the_limit_says_and_no_more() -> None:
    concurrency = Concurrency(limit=2, capacity=10)

    assert [concurrency.acquire(ALICE) is not None for _ in range(3)] == [True, True, False]
    assert concurrency.refusal(ALICE) == Reason.CONCURRENCY_EXCEEDED
    assert concurrency.refusal(BOB) is None


def test_releasing_twice_gives_back_once() -> None:
    concurrency = Concurrency(limit=2, capacity=10)
    first, _second = concurrency.acquire(ALICE), concurrency.acquire(ALICE)
    assert first is not None

    first.release()
    first.release()

    assert concurrency.held(ALICE) == 1


def test_a_key_that_holds_nothing_is_gone() -> None:
    concurrency = Concurrency(limit=2, capacity=10)
    leases = [concurrency.acquire(key) for key in (ALICE, ALICE, BOB)]

    for lease in leases:
        assert lease is not None
        lease.release()

    assert concurrency.keys == 0


def test_a_full_table_refuses_new_keys_and_serves_those_it_knows() -> None:
    concurrency = Concurrency(limit=2, capacity=1)
    lease = concurrency.acquire(ALICE)
    assert lease is not None

    assert concurrency.refusal(BOB) == Reason.LIMIT_TABLE_FULL
    assert concurrency.acquire(BOB) is None
    assert concurrency.acquire(ALICE) is not None


def test_room_comes_back_with_the_last_lease_of_a_key() -> None:
    concurrency = Concurrency(limit=2, capacity=1)
    lease = concurrency.acquire(ALICE)
    assert lease is not None
    with lease:
        assert concurrency.refusal(BOB) == Reason.LIMIT_TABLE_FULL

    assert concurrency.refusal(BOB) is None


def test_a_lease_that_was_taken_over_gives_nothing_back_itself() -> None:
    concurrency = Concurrency(limit=9, capacity=9)
    whole, part = concurrency.acquire(ALICE), concurrency.acquire(BOB)
    assert whole is not None
    assert part is not None
    whole.join(part)

    part.release()
    assert concurrency.held(BOB) == 1
    whole.release()
    assert concurrency.keys == 0


def test_counts_live_on_under_another_limit() -> None:
    before = Concurrency(limit=3, capacity=9)
    lease = before.acquire(ALICE)
    assert lease is not None

    after = before.resized(limit=1, capacity=9)
    assert after.refusal(ALICE) == Reason.CONCURRENCY_EXCEEDED
    lease.release()
    assert after.refusal(ALICE) is None
