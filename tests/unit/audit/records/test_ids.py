from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.records.ids import ALPHABET, IdSource, decode, encode

SPECIFICATION_TIME = 1469918176.385
"""The example of the ULID specification: 01ARYZ6S41 is the time part of this moment."""


def no_randomness(length: int) -> bytes:
    return bytes(length)


def test_the_first_ten_letters_are_the_time_of_the_specification() -> None:
    source = IdSource(lambda: SPECIFICATION_TIME, no_randomness)

    assert source.next() == "01ARYZ6S41" + "0" * 16


def test_the_last_sixteen_letters_are_the_randomness_the_caller_brings() -> None:
    source = IdSource(lambda: 0.0, lambda length: b"\xff" * length)

    assert source.next() == "0" * 10 + "Z" * 16


def test_within_one_millisecond_the_next_is_the_last_plus_one() -> None:
    source = IdSource(lambda: SPECIFICATION_TIME, no_randomness)

    assert [source.next()[-2:] for _ in range(3)] == ["00", "01", "02"]


def test_a_source_goes_on_behind_an_identifier_that_was_read_back() -> None:
    last = encode((int(SPECIFICATION_TIME * 1000) + 5000) << 80)
    source = IdSource(lambda: SPECIFICATION_TIME, no_randomness, last=decode(last) or -1)

    assert source.next() > last


@given(times=st.lists(st.floats(0, 4e9), min_size=2, max_size=50), random=st.binary(min_size=10, max_size=10))
def test_no_clock_makes_a_source_repeat_itself_or_go_backwards(times: list[float], random: bytes) -> None:
    clock = iter(times)
    source = IdSource(lambda: next(clock), lambda _: random)

    ids = [source.next() for _ in times]

    assert ids == sorted(set(ids))


@given(st.integers(0, 2**128 - 1))
def test_letters_and_number_say_the_same(number: int) -> None:
    text = encode(number)

    assert (len(text), set(text) <= set(ALPHABET)) == (26, True)
    assert decode(text) == number


@pytest.mark.parametrize("text", ["", "01ARYZ6S41", "8" + "0" * 25, "0" * 25 + "U", "0" * 25 + "a", "0" * 27])
def test_what_is_no_identifier_has_no_number(text: str) -> None:
    assert decode(text) is None
