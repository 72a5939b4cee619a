from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.http2.bodies import Incoming, Mismatch, Outgoing, stated_length


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9))
def test_a_body_with_a_length_is_never_whole_before_its_end(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    body = Incoming(len(whole))
    passed = b"".join(body.take(piece) for piece in pieces)

    assert len(passed) == max(0, len(whole) - 1)
    assert passed + body.end() == whole
    assert body.has_ended


@given(st.integers(0, 20), st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=9))
def test_a_body_that_says_more_or_less_than_its_length_is_never_whole(length: int, pieces: list[bytes]) -> None:
    body = Incoming(length)
    passed = b""
    try:
        for piece in pieces:
            passed += body.take(piece)
        passed += body.end()
    except Mismatch:
        assert sum(map(len, pieces)) != length
        assert len(passed) < max(length, 1)
    else:
        assert passed == b"".join(pieces)


def test_a_body_without_a_length_is_passed_on_as_it_comes() -> None:
    body = Incoming(None)

    assert [body.take(b"abc"), body.take(b""), body.end()] == [b"abc", b"", b""]


def test_what_goes_out_is_cut_to_the_window_and_keeps_its_order() -> None:
    out = Outgoing()
    out.pieces.extend((b"abcdef", b"gh"))
    out.is_ending = True

    assert [out.next(4), out.next(4), out.ends_with_data, out.next(4), out.ends_with_data] == [
        b"abcd",
        b"ef",
        False,
        b"gh",
        True,
    ]


def test_trailers_end_a_stream_and_not_the_data_before_them() -> None:
    out = Outgoing(is_ending=True, trailers=[(b"x", b"y")])

    assert not out.ends_with_data


@pytest.mark.parametrize(("value", "length"), [(b"5", 5), (b"", None), (b"x", None), (b"+5", None)])
def test_a_length_is_a_number_or_none(value: bytes, length: int | None) -> None:
    assert stated_length([(b"a", b"1"), (b"content-length", value)]) == length
