from __future__ import annotations

from gateway.limits.cluster.leases import AT_ONCE, Leases


def test_what_is_out_is_renewed_until_it_ends_and_given_back_once() -> None:
    leases = Leases()
    leases.take(("key", "one"))
    leases.take(("key", "two"))
    leases.end(("key", "one"))
    leases.end(("key", "one"))

    assert list(leases.to_renew()) == [[("key", "two")]]
    assert (leases.to_give_back(), len(leases)) == ([("key", "one")], 1)
    leases.given_back([("key", "one")])
    assert leases.to_give_back() == []


def test_many_are_renewed_and_given_back_a_few_at_a_time() -> None:
    leases = Leases()
    for number in range(AT_ONCE + 1):
        leases.take(("key", str(number)))
    assert [len(those) for those in leases.to_renew()] == [AT_ONCE, 1]

    renewing = leases.to_renew()
    next(renewing)
    for number in range(AT_ONCE + 1):
        leases.end(("key", str(number)))
    assert (list(renewing), len(leases.to_give_back())) == ([[]], AT_ONCE)


def test_of_too_many_that_ended_the_oldest_are_left_to_expire() -> None:
    leases = Leases(room=2)
    for number in range(3):
        leases.end(("key", str(number)))

    assert leases.to_give_back() == [("key", "1"), ("key", "2")]
