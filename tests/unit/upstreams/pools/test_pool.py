from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.pools.members import Standing, Tally
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.pool import MOST_TALLIES, OTHERS, NoPlace, Outcome, PlaceAt, Pool
from gateway.upstreams.pools.rules import PoolRules
from tests.unit.upstreams.pools.servers import Clock, server, servers, url

RULES = PoolRules(outliers=OutlierRules(failures=2, base=30.0, longest=60.0), connections=3)


def pool(*names: str, rules: PoolRules = RULES, clock: Clock | None = None) -> Pool:
    return Pool.of(servers(*names), rules, clock or Clock(), random.Random(1).random)


def place(at: Pool, key: bytes = b"") -> PlaceAt:
    taken = at.take(key)
    assert isinstance(taken, PlaceAt)
    return taken


def who(at: Pool, times: int) -> list[str]:
    """Who is asked, each request ending before the next begins."""
    asked = []
    for _ in range(times):
        taken = place(at)
        asked.append(taken.member.server.host.text)
        taken.end(Outcome.SERVED)
    return asked


def fail(at: Pool, name: str, times: int) -> None:
    """Let requests at one server fail, and those at others be served."""
    while times:
        taken = place(at)
        failed = taken.member.name == url(name)
        taken.end(Outcome.FAILED if failed else Outcome.SERVED)
        times -= failed


def test_requests_are_shared_out() -> None:
    assert Counter(who(pool("a.test", "b.test"), 10)) == {"a.test": 5, "b.test": 5}


def test_a_server_that_was_tried_is_not_tried_again() -> None:
    of_two = pool("a.test", "b.test")
    first = place(of_two)

    second = of_two.take(tried={first.member})

    assert isinstance(second, PlaceAt)
    assert second.member is not first.member
    assert of_two.take(tried={first.member, second.member}) is NoPlace.NOBODY


def test_a_server_has_no_more_requests_than_it_may_have() -> None:
    of_one = pool("a.test")
    places = [place(of_one) for _ in range(3)]

    assert of_one.take() is NoPlace.FULL
    places[0].end(Outcome.SERVED)
    assert isinstance(of_one.take(), PlaceAt)


def test_a_place_is_given_back_once() -> None:
    of_one = pool("a.test")
    taken, _ = place(of_one), place(of_one)

    taken.end(Outcome.SERVED)
    taken.end(Outcome.FAILED)

    assert [each.in_flight for each in of_one.members] == [1]
    assert of_one.standings() == {url("a.test"): Standing.UP}


def test_who_fails_again_and_again_is_spared_for_a_while() -> None:
    clock = Clock()
    of_two = pool("a.test", "b.test", clock=clock)

    fail(of_two, "a.test", 2)

    assert of_two.standings() == {url("a.test"): Standing.EJECTED, url("b.test"): Standing.UP}
    assert set(who(of_two, 6)) == {"b.test"}
    clock.pass_by(30.0)
    assert set(who(of_two, 6)) == {"a.test", "b.test"}


def test_the_last_one_is_never_spared() -> None:
    of_two = pool("a.test", "b.test")
    fail(of_two, "a.test", 2)
    fail(of_two, "b.test", 20)

    assert who(of_two, 1) == ["b.test"]


def test_what_says_nothing_of_the_server_is_not_held_against_it() -> None:
    of_two = pool("a.test", "b.test")
    for _ in range(20):
        place(of_two).end(Outcome.UNTOLD)

    assert set(of_two.standings().values()) == {Standing.UP}


def test_a_server_whose_checks_fail_is_asked_no_more_until_they_succeed() -> None:
    of_two = pool("a.test", "b.test")
    first, _ = of_two.members

    assert of_two.checked(first, well=False)
    assert set(who(of_two, 4)) == {"b.test"}
    assert [of_two.checked(first, well=True), of_two.checked(first, well=True)] == [False, True]
    assert set(who(of_two, 4)) == {"a.test", "b.test"}


def test_where_all_are_down_nobody_is_asked() -> None:
    of_one = pool("a.test")
    of_one.checked(of_one.members[0], well=False)

    assert of_one.take() is NoPlace.NOBODY


def test_who_comes_back_starts_slowly() -> None:
    clock = Clock()
    of_two = pool("a.test", "b.test", rules=replace(RULES, slow_start=100.0), clock=clock)
    first, _ = of_two.members
    of_two.checked(first, well=False)
    of_two.checked(first, well=True)
    of_two.checked(first, well=True)

    assert Counter(who(of_two, 110)) == {"a.test": 10, "b.test": 100}
    clock.pass_by(100.0)
    assert Counter(who(of_two, 110))["a.test"] == pytest.approx(55, abs=1)


def test_servers_join_and_leave_and_the_others_keep_what_is_known_of_them() -> None:
    of_two = pool("a.test", "b.test")
    fail(of_two, "a.test", 2)
    of_two.renew(servers("a.test", "c.test"))

    assert of_two.standings() == {url("a.test"): Standing.EJECTED, url("c.test"): Standing.UP}
    assert set(who(of_two, 4)) == {"c.test"}


def test_who_leaves_finishes_what_it_has() -> None:
    of_two = pool("a.test", "b.test")
    taken = place(of_two)
    leaving = taken.member.name
    of_two.renew([each for each in servers("a.test", "b.test") if url(each.host.text) != leaving])

    assert of_two.standings()[leaving] is Standing.DRAINING
    assert url(who(of_two, 1)[0]) != leaving
    taken.end(Outcome.SERVED)
    assert leaving not in of_two.standings()


def test_who_leaves_and_comes_back_before_it_was_done_is_the_same() -> None:
    of_one = pool("a.test", "b.test")
    places = [place(of_one) for _ in range(2)]
    of_one.renew(servers("b.test"))
    of_one.renew(servers("a.test", "b.test"))

    assert [each.in_flight for each in of_one.members] == [1, 1]
    assert set(of_one.standings().values()) == {Standing.UP}
    assert {each.member for each in places} == set(of_one.members)


def test_a_new_weight_holds_from_the_next_request_on() -> None:
    of_two = pool("a.test", "b.test")
    of_two.renew([server("a.test", 3), server("b.test", 1)])

    assert Counter(who(of_two, 8)) == {"a.test": 6, "b.test": 2}


def test_a_server_is_drained_by_its_name() -> None:
    of_two = pool("a.test", "b.test")

    assert of_two.drain(url("a.test"))
    assert not of_two.drain(url("c.test"))
    assert set(who(of_two, 3)) == {"b.test"}


@given(st.lists(st.tuples(st.sampled_from(["take", "end", "fail", "check", "renew"]), st.integers(0, 3)), max_size=80))
def test_whatever_happens_every_place_is_counted_once(steps: list[tuple[str, int]]) -> None:
    clock, names = Clock(), ["a.test", "b.test", "c.test"]
    of_three = pool(*names, clock=clock)
    taken: list[PlaceAt] = []

    for step, number in steps:
        clock.pass_by(1.0)
        if step == "take":
            found = of_three.take()
            taken += [found] if isinstance(found, PlaceAt) else []
        elif step in {"end", "fail"} and taken:
            taken.pop(number % len(taken)).end(Outcome.SERVED if step == "end" else Outcome.FAILED)
        elif step == "check" and of_three.members:
            of_three.checked(of_three.members[number % len(of_three.members)], well=number % 2 == 0)
        elif step == "renew":
            of_three.renew(servers(*names[: number or 1]))
        held = Counter(each.member.name for each in taken)
        assert {each.name: each.in_flight for each in of_three.members if each.in_flight} == dict(held)
        assert all(each.in_flight <= 3 for each in of_three.members)


def test_who_is_spared_is_asked_when_all_others_are_down() -> None:
    of_two = pool("a.test", "b.test")
    fail(of_two, "a.test", 2)
    of_two.checked(of_two.members[1], well=False)

    assert who(of_two, 2) == ["a.test", "a.test"]


def test_who_stands_otherwise_is_told() -> None:
    told: list[tuple[str, Standing]] = []
    of_two = pool("a.test", "b.test")
    of_two.told = lambda member, standing: told.append((member.server.host.text, standing))

    fail(of_two, "a.test", 2)
    of_two.checked(of_two.members[1], well=False)
    place(of_two)
    of_two.renew(servers("b.test", "c.test"))

    assert told == [
        ("a.test", Standing.EJECTED),
        ("b.test", Standing.DOWN),
        ("a.test", Standing.DRAINING),
        ("c.test", Standing.UP),
    ]


def test_other_rules_hold_for_servers_that_are_there() -> None:
    of_two = pool("a.test", "b.test")
    of_two.renew(servers("a.test", "b.test"), replace(RULES, balance="hash", connections=1))

    taken = [place(of_two, b"x").member for _ in range(2)]
    assert len(set(taken)) == 2
    assert of_two.take(b"x") is NoPlace.FULL


def test_what_came_of_requests_is_counted_by_server() -> None:
    of_one = pool("a.test")
    for outcome in (Outcome.SERVED, Outcome.SERVED, Outcome.FAILED, Outcome.UNTOLD):
        taken = place(of_one)
        taken.end(outcome)
        taken.end(outcome)

    assert of_one.tallies == {url("a.test"): Tally(served=2, failed=1, untold=1)}


def test_a_server_that_left_and_came_back_is_counted_on() -> None:
    changing = pool("a.test", "b.test")
    who(changing, 4)
    changing.renew(servers("b.test"))
    who(changing, 1)
    left = {name: replace(tally) for name, tally in changing.tallies.items()}
    changing.renew(servers("a.test", "b.test"))
    who(changing, 40)

    assert left == {url("a.test"): Tally(served=2), url("b.test"): Tally(served=3)}
    assert changing.tallies[url("a.test")].served > 2
    assert sum(each.served for each in changing.tallies.values()) == 45


def test_servers_without_end_are_counted_together_at_last() -> None:
    changing = pool("a.test")
    for number in range(MOST_TALLIES):
        changing.renew(servers(f"s{number}.test"))
    who(changing, 2)

    assert len(changing.tallies) == MOST_TALLIES + 1
    assert changing.tallies[OTHERS] == Tally(served=2)
