from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest

from addons.workers.crowd import SECRET, SharedCrowd, clear, make_shared
from gateway.config.settings import LimitSettings
from gateway.policy.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE = Address.parse("10.0.0.1")
BOB = Address.parse("10.0.0.2")
LIMITS = LimitSettings(connections=10, connections_per_client=4)
KEY = bytes(SECRET)


@pytest.fixture
def shared() -> Iterator[int]:
    memory = make_shared(2, LIMITS.connections)
    yield memory
    os.close(memory)


def pair(shared: int) -> tuple[SharedCrowd, SharedCrowd]:
    """Two workers' views of the same crowd."""
    return SharedCrowd(LIMITS, shared, 0, 2, KEY), SharedCrowd(LIMITS, shared, 1, 2, KEY)


def test_a_client_is_counted_by_all_together(shared: int) -> None:
    one, other = pair(shared)

    assert [each.enter(ALICE) for each in (one, other, one, other, one, other)] == [True] * 4 + [False] * 2
    assert other.enter(BOB)
    one.leave(ALICE)
    assert other.enter(ALICE)
    assert not one.enter(ALICE)


def test_all_clients_are_counted_by_all_together_known_or_not(shared: int) -> None:
    one, other = pair(shared)
    entered = [one.enter(None) for _ in range(6)] + [other.enter(Address.parse(f"10.0.1.{n}")) for n in range(6)]

    assert entered == [True] * 10 + [False] * 2
    one.leave(None)
    assert other.enter(BOB)


def test_a_network_of_ipv6_is_one_client(shared: int) -> None:
    one, other = pair(shared)

    entered = [each.enter(Address.parse(f"2001:db8::{n}")) for n in range(3) for each in (one, other)]

    assert entered == [True] * 4 + [False] * 2


def test_what_a_dead_worker_had_counted_is_forgotten_and_nothing_else(shared: int) -> None:
    one, other = pair(shared)
    assert [one.enter(ALICE), one.enter(ALICE), other.enter(ALICE), other.enter(ALICE)] == [True] * 4

    clear(shared, 1, LIMITS.connections)

    assert [one.enter(ALICE), one.enter(ALICE), one.enter(ALICE)] == [True, True, False]


def crowded(shared: int, place: int, found: multiprocessing.SimpleQueue[int]) -> None:
    """Let as many of one client in as there is room for, from a process of its own."""
    limits = LimitSettings(connections=4000, connections_per_client=1000)
    crowd = SharedCrowd(limits, shared, place, 2, KEY)
    found.put(sum(crowd.enter(ALICE) for _ in range(1000)))


def test_processes_at_once_let_in_exactly_as_many_as_there_may_be() -> None:
    memory = make_shared(2, 4000)
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()
    both = [context.Process(target=crowded, args=(memory, place, found)) for place in (0, 1)]
    for each in both:
        each.start()
    counted = [found.get(), found.get()]
    for each in both:
        each.join(30)
    os.close(memory)

    assert sum(counted) == 1000
