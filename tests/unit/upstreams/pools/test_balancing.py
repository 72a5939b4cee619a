from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstreams.pools.balancing import LeastConnections, RandomTwo, Rendezvous, RoundRobin, balancer
from gateway.upstreams.pools.members import Member
from tests.unit.upstreams.pools.servers import server

if TYPE_CHECKING:
    from gateway.upstreams.pools.balancing import Balance, Balancer

WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=6)
WAYS: list[Balance] = ["round_robin", "least_connections", "random_two", "hash"]


def members(*weights: int) -> dict[Member, float]:
    return {Member(server(f"s{index}.test", weight)): float(weight) for index, weight in enumerate(weights)}


def names(way: Balancer, candidates: dict[Member, float], times: int) -> list[str]:
    return [way.choose(candidates, b"").server.host.text[:2] for _ in range(times)]


@given(WEIGHTS)
def test_round_robin_gives_everybody_exactly_the_share_of_his_weight(weights: list[int]) -> None:
    candidates, way = members(*weights), RoundRobin()

    counted = Counter(way.choose(candidates, b"") for _ in range(sum(weights)))

    assert [counted[each] for each in candidates] == weights


def test_round_robin_gives_nobody_his_share_in_one_go() -> None:
    assert names(RoundRobin(), members(5, 1, 1), 7) == ["s0", "s0", "s1", "s0", "s2", "s0", "s0"]


def test_round_robin_goes_on_evenly_when_somebody_leaves() -> None:
    candidates, way = members(1, 1, 1), RoundRobin()
    names(way, candidates, 4)
    candidates.pop(next(iter(candidates)))

    assert sorted(names(way, candidates, 4)) == ["s1", "s1", "s2", "s2"]


def test_the_least_busy_for_its_weight_is_chosen() -> None:
    candidates = members(1, 4)
    few, many = candidates
    few.in_flight, many.in_flight = 1, 6

    assert LeastConnections().choose(candidates, b"") is many
    many.in_flight = 7
    assert names(LeastConnections(), candidates, 2) == ["s1", "s1"]
    many.in_flight = 8
    assert LeastConnections().choose(candidates, b"") is few


def test_those_who_are_equally_idle_take_turns() -> None:
    assert sorted(names(LeastConnections(), members(1, 1, 1), 6)) == ["s0", "s0", "s1", "s1", "s2", "s2"]


@given(st.integers(0, 2**32))
def test_of_two_drawn_by_lot_the_busier_is_never_chosen(seed: int) -> None:
    candidates = members(1, 1)
    idle, busy = candidates
    busy.in_flight = 5

    assert RandomTwo(random.Random(seed).random).choose(candidates, b"") is idle


def test_the_busiest_of_many_is_spared_however_the_lots_fall() -> None:
    candidates, way = members(1, 1, 1, 1), RandomTwo(random.Random(7).random)
    busiest = next(iter(candidates))
    busiest.in_flight = 9

    assert busiest not in {way.choose(candidates, b"") for _ in range(500)}


def test_lots_follow_the_weights() -> None:
    candidates, way = members(1, 1, 8), RandomTwo(random.Random(7).random)

    counted = Counter(names(way, candidates, 3000))

    assert counted["s2"] > 5 * counted["s0"]


@given(WEIGHTS, st.binary(max_size=20))
def test_the_same_key_meets_the_same_server(weights: list[int], key: bytes) -> None:
    assert Rendezvous().choose(members(*weights), key).name == Rendezvous().choose(members(*weights), key).name


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=40, unique=True), st.integers(0, 4))
def test_when_a_server_leaves_only_its_keys_move(keys: list[bytes], leaving: int) -> None:
    candidates = members(1, 2, 3, 1, 1)
    gone = list(candidates)[leaving]
    left = {each: weight for each, weight in candidates.items() if each is not gone}

    for key in keys:
        before = Rendezvous().choose(candidates, key)
        if before is not gone:
            assert Rendezvous().choose(left, key) is before


def test_keys_are_shared_out_by_weight() -> None:
    candidates = members(1, 3)

    counted = Counter(Rendezvous().choose(candidates, f"client {each}".encode()).server.weight for each in range(8000))

    assert counted[3] / 8000 == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("name", WAYS)
@given(WEIGHTS, st.binary(max_size=4))
def test_every_way_chooses_one_of_the_candidates(name: Balance, weights: list[int], key: bytes) -> None:
    candidates = members(*weights)

    assert balancer(name, random.Random(3).random).choose(candidates, key) in candidates


@pytest.mark.parametrize("name", WAYS)
def test_every_way_chooses_the_only_one_there_is(name: Balance) -> None:
    (only,) = candidates = members(1)

    assert balancer(name, random.Random(3).random).choose(candidates, b"x") is only
