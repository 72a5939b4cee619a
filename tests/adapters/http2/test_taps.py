from __future__ import annotations

from addons.http2.taps import Taps, Way


def test_a_stream_waits_as_long_as_any_cause_stands() -> None:
    taps = Taps()
    taps.shut(1, Way.UP, "window")
    taps.shut(1, Way.UP, "socket")
    assert taps.take_changed() == ((1, Way.UP),)

    taps.open(1, Way.UP, "window")
    assert taps.is_shut((1, Way.UP))
    assert taps.take_changed() == ()

    taps.open(1, Way.UP, "socket")
    assert not taps.is_shut((1, Way.UP))
    assert taps.take_changed() == ((1, Way.UP),)


def test_the_directions_of_a_stream_wait_by_themselves() -> None:
    taps = Taps()
    taps.shut(1, Way.UP, "x")

    assert not taps.is_shut((1, Way.DOWN))


def test_opening_what_was_never_shut_changes_nothing() -> None:
    taps = Taps()
    taps.open(1, Way.UP, "x")
    taps.open_all("x")

    assert taps.take_changed() == ()


def test_a_cause_can_go_for_all_streams_at_once() -> None:
    taps = Taps()
    for number in (1, 3):
        taps.shut(number, Way.UP, "socket")
    taps.shut(3, Way.UP, "window")
    taps.open_all("socket")

    assert [taps.is_shut((number, Way.UP)) for number in (1, 3)] == [False, True]


def test_a_stream_that_is_over_leaves_nobody_waiting() -> None:
    taps = Taps()
    taps.shut(1, Way.UP, "x")
    taps.shut(1, Way.DOWN, "x")
    taps.take_changed()
    taps.forget(1)

    assert taps.take_changed() == ((1, Way.UP), (1, Way.DOWN))
    assert not taps.is_shut((1, Way.DOWN))
