from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.writing import frames
from gateway.audit.writing.frames import Frame, Garbled, Parser

FRAMES = st.lists(st.builds(Frame, st.integers(1, 6), st.integers(0, 2**64 - 1), st.binary(max_size=40)))


@given(FRAMES, st.integers(1, 50))
def test_frames_come_out_as_they_went_in_whatever_the_pieces(sent: list[Frame], size: int) -> None:
    parser = Parser()
    data = b"".join(frames.frame(*each) for each in sent)

    assert [got for at in range(0, len(data), size) for got in parser.feed(data[at : at + size])] == sent


def test_a_record_is_a_frame() -> None:
    assert list(Parser().feed(frames.record(7, b'"a":1}'))) == [Frame(frames.RECORD, 7, b'"a":1}')]


def test_numbers_come_back() -> None:
    (said,) = Parser().feed(frames.taken(9, 40, 3))

    assert (said.kind, said.ticket, frames.numbers(said.body)) == (frames.TAKEN, 9, (40, 3))


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("a frame of kind 0 and 0 bytes", b"\0" * 13),
        ("a frame of kind 7 and 0 bytes", frames.frame(7, 1)),
        ("a frame of kind 1 and 1048577 bytes", b"\0\x10\0\1\1" + b"\0" * 8),
    ],
)
def test_what_is_no_frame_is_an_error(said: str, data: bytes) -> None:
    with pytest.raises(Garbled, match=said):
        list(Parser().feed(data))


def test_numbers_that_are_none_are_an_error() -> None:
    with pytest.raises(Garbled, match="numbers that are none"):
        frames.numbers(b"123")
