from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.caching.answers import response
from addons.caching.gathering import Gathering, has_clear_end, stated_size
from gateway.cache.messages import Answered

ANSWER = Answered(200, (), 0.0, 0.0)


def gathering(most: int, told: list[str] | None = None) -> Gathering:
    heard = told if told is not None else []
    return Gathering(ANSWER, most, lambda: heard.append("dropped"))


def test_what_passes_is_gathered_unchanged() -> None:
    gathered = gathering(10)
    stream = gathered.over(lambda piece: (piece,) if piece else ())

    passed = [tuple(stream(piece)) for piece in (b"abc", b"def", b"")]

    assert passed == [(b"abc",), (b"def",), ()]
    assert gathered.whole() == b"abcdef"


@pytest.mark.parametrize("stream", [True, lambda piece: piece])
def test_every_kind_of_stream_that_the_layer_knows_is_followed(stream: object) -> None:
    gathered = gathering(10)

    assert tuple(gathered.over(stream)(b"abc")) == (b"abc",)
    assert gathered.whole() == b"abc"


def test_what_is_too_large_is_let_go_of_at_once_and_still_passes() -> None:
    told: list[str] = []
    gathered = gathering(4, told)
    stream = gathered.over(True)  # noqa: FBT003 - what the layer takes for "as it is"

    passed = b"".join(piece for each in (b"abc", b"de", b"f") for piece in stream(each))

    assert (passed, told, gathered.whole()) == (b"abcdef", ["dropped"], None)


def test_what_was_dropped_takes_nothing_in_any_more() -> None:
    gathered = gathering(10)
    gathered.add(b"abc")
    gathered.drop()
    gathered.add(b"def")

    assert gathered.whole() is None


@given(st.lists(st.binary(max_size=20), max_size=30), st.integers(0, 100))
def test_it_is_whole_or_nothing(pieces: list[bytes], most: int) -> None:
    gathered = gathering(most)
    for piece in pieces:
        gathered.add(piece)

    whole = b"".join(pieces)
    assert gathered.whole() == (whole if len(whole) <= most else None)


@pytest.mark.parametrize(
    ("size", "clear", "status", "fields"),
    [
        (4, True, 200, [(b"Content-Length", b"4")]),
        (None, True, 200, [(b"Transfer-Encoding", b"chunked")]),
        (None, False, 200, []),
        (None, True, 204, []),
        (None, True, 200, [(b"Content-Length", b"four")]),
    ],
)
def test_an_answer_that_ends_with_its_connection_has_no_clear_end(
    *, size: int | None, clear: bool, status: int, fields: list[tuple[bytes, bytes]]
) -> None:
    answer = response(status, fields, b"")

    assert (stated_size(answer), has_clear_end(answer)) == (size, clear)
