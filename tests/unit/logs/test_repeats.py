from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.logs.repeats import MOST, Repeats


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_is_shown_once_in_a_while_with_the_number_of_those_held_back() -> None:
    clock = Clock()
    repeats = Repeats(clock, every=10.0)
    told = []
    for clock.now in (0.0, 1.0, 9.9, 10.0, 15.0, 30.0, 50.0):
        told.append(repeats.admit(("part", "it failed")))

    assert told == [0, None, None, 2, None, 1, 0]


def test_other_messages_and_other_parts_are_not_held_back() -> None:
    repeats = Repeats(lambda: 0.0)

    assert [repeats.admit(key) for key in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"))] == [0, 0, 0, None]


def test_messages_without_end_are_one_message_at_last() -> None:
    clock = Clock()
    repeats = Repeats(clock)
    shown = [repeats.admit(("part", f"message {number}")) for number in range(3 * MOST)]
    clock.now = 100.0

    assert shown.count(0) == MOST + 1
    assert shown[MOST + 1 :] == [None] * (2 * MOST - 1)
    assert repeats.admit(("part", "another one")) == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("abc")), max_size=60))
def test_every_message_is_shown_or_counted(gaps: list[tuple[float, str]]) -> None:
    clock = Clock()
    repeats = Repeats(clock, every=3.0)
    shown = counted = 0
    for gap, name in gaps:
        clock.now += gap
        held = repeats.admit((name, ""))
        shown += held is not None
        counted += held or 0
    clock.now += 10.0
    counted += sum(repeats.admit((name, "")) or 0 for name in {name for _, name in gaps})

    assert shown + counted == len(gaps)
