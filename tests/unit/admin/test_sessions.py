from __future__ import annotations

from dataclasses import dataclass

from gateway.admin.sessions import IDLE, LONGEST, MOST, Sessions


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_goes_on_while_it_is_used_and_ends_when_it_is_idle() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    identifier, key = sessions.begin(1)

    clock.now = IDLE - 1
    assert sessions.find(identifier, key, 1) is not None
    clock.now = 2 * IDLE - 2
    assert sessions.find(identifier, key, 1) is not None
    clock.now = 3 * IDLE
    assert sessions.find(identifier, key, 1) is None


def test_every_session_ends_some_time() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    identifier, key = sessions.begin(1)
    while clock.now < LONGEST:
        clock.now += IDLE / 2
        alive = sessions.find(identifier, key, 1) is not None

    clock.now += IDLE / 2
    assert alive
    assert sessions.find(identifier, key, 1) is None


def test_another_token_ends_what_the_old_one_opened_and_signing_out_ends_one() -> None:
    sessions = Sessions(Clock())
    (one, first), (two, second) = sessions.begin(1), sessions.begin(1)

    sessions.end(one)

    assert sessions.find(one, first, 1) is None
    assert sessions.find(two, second, 2) is None
    assert sessions.find(two, second, 1) is None
    assert sessions.find("", first, 1) is None


def test_whether_one_goes_on_can_be_asked_without_using_it() -> None:
    clock = [0.0]
    sessions = Sessions(lambda: clock[0])
    identifier, key = sessions.begin(1)

    assert [sessions.is_open(identifier, 1), sessions.is_open(identifier, 2), sessions.is_open("x", 1)] == [
        True,
        False,
        False,
    ]
    clock[0] = IDLE + 1
    assert sessions.is_open(identifier, 1)
    assert sessions.find(identifier, key, 1) is None
    assert not sessions.is_open(identifier, 1)


def test_there_are_so_many_and_the_one_least_used_goes_first() -> None:
    sessions = Sessions(Clock())
    first, second = sessions.begin(1), sessions.begin(1)
    sessions.find(*first, 1)

    for _ in range(MOST - 1):
        sessions.begin(1)

    assert sessions.find(*second, 1) is None
    assert sessions.find(*first, 1) is not None


def test_the_cookie_alone_opens_nothing_for_other_ports_of_this_host_get_it_too() -> None:
    sessions = Sessions(Clock())
    (one, first), (_, second) = sessions.begin(1), sessions.begin(1)

    assert [sessions.find(one, key, 1) for key in ("", second, first[:-1], "\udcff")] == [None] * 4
    assert sessions.find(one, first, 1) is not None
