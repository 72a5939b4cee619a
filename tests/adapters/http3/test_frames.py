from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from hypothesis import given
from hypothesis import strategies as st

from addons.http2.frames import Broken
from addons.http3.frames import (
    Code,
    FrameCutter,
    Kind,
    Piece,
    Wrong,
    code_of,
    code_of_stream,
    read_integer,
    write_frame,
    write_integer,
)

GATHERED: dict[int, int] = {Kind.HEADERS: 100}


@pytest.mark.parametrize(
    ("written", "value"),
    [("25", 37), ("7bbd", 15293), ("9d7f3e7d", 494878333), ("c2197c5eff14e88c", 151288809941952652)],
)
def test_integers_are_those_of_the_rfc(written: str, value: int) -> None:
    raw = bytes.fromhex(written)

    assert write_integer(value) == raw
    assert read_integer(raw, 0) == (value, len(raw))
    assert read_integer(raw[:-1], 0) is None


def test_no_integer_is_larger_than_they_can_be() -> None:
    with pytest.raises(ValueError, match="larger"):
        write_integer(2**62)


frames = st.lists(st.tuples(st.sampled_from([0x0, 0x1, 0x21, 0x4000]), st.binary(max_size=150)), max_size=6)


@given(said=frames, cuts=st.lists(st.integers(1, 40), min_size=1, max_size=50))
def test_frames_are_the_same_however_they_are_cut(said: list[tuple[int, bytes]], cuts: list[int]) -> None:
    raw = b"".join(write_frame(kind, payload) for kind, payload in said)
    cutter, at = FrameCutter(GATHERED), 0
    found: list[Piece] = []
    while at < len(raw):
        size = cuts[len(found) % len(cuts)]
        found += list(cutter.cut(raw[at : at + size]))
        at += size

    assert cutter.is_between
    assert _joined(found) == _joined(list(FrameCutter(GATHERED).cut(raw)))
    assert b"".join(each.data or b"" for each in found if each.kind == Kind.DATA) == b"".join(
        payload for kind, payload in said if kind == Kind.DATA
    )


def _joined(pieces: list[Piece]) -> list[object]:
    """Pieces of bodies as they would be if they had come at one time."""
    kept: list[object] = [(each.kind, each.size, each.data) for each in pieces if each.kind != Kind.DATA]
    return [*kept, b"".join(each.data or b"" for each in pieces if each.kind == Kind.DATA)]


def test_a_frame_that_is_too_large_is_told_at_its_head_and_passed_over() -> None:
    cutter = FrameCutter(GATHERED)

    assert list(cutter.cut(write_frame(Kind.HEADERS, bytes(101))[:3])) == [Piece(Kind.HEADERS, 101, None)]
    assert not cutter.is_between
    assert list(cutter.cut(bytes(101) + write_frame(Kind.DATA, b"x"))) == [Piece(Kind.DATA, 1, b"x")]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (ErrorCodes.PROTOCOL_ERROR, Code.MESSAGE_ERROR),
        (ErrorCodes.REFUSED_STREAM, Code.REQUEST_REJECTED),
        (ErrorCodes.NO_ERROR, Code.NO_ERROR),
    ],
)
def test_a_stream_ends_with_the_code_that_says_the_same(code: ErrorCodes, wanted: Code) -> None:
    assert code_of_stream(code) is wanted


def test_a_connection_ends_with_a_code_of_its_own() -> None:
    assert code_of(Wrong("x", Code.ID_ERROR)) is Code.ID_ERROR
    assert code_of(Broken("x")) is Code.GENERAL_PROTOCOL_ERROR
    assert code_of(Broken("x", ErrorCodes.ENHANCE_YOUR_CALM)) is Code.EXCESSIVE_LOAD
