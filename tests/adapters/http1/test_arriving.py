"""What arrives of an answer is taken apart as the long way would read it, or left to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from h11 import Data, EndOfMessage
from h11._receivebuffer import ReceiveBuffer
from mitmproxy.http import Response

from addons.http1.arriving import Arrived, Stated, arrived, passed_on, remember
from addons.judging.remembered import Recall
from tests.adapters.requests import request_of

if TYPE_CHECKING:
    from addons.judging.remembered import KnownAnswer

MOST: Final = 4096
LENGTH: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NONE: Final = b"HTTP/1.1 204 No\r\n\r\n"


def taken(data: bytes, method: str = "GET", recall: Recall[KnownAnswer] | None = None) -> Arrived | None:
    request = request_of(f"{method} / HTTP/1.1\r\nHost: a.example")
    return arrived(data, request, Recall() if recall is None else recall, MOST)


@pytest.mark.parametrize(
    ("data", "method", "pieces", "missing"),
    [
        (LENGTH, "GET", (), 5),
        (LENGTH + b"he", "GET", (b"he",), 3),
        (LENGTH + b"hello", "GET", (b"hello",), 0),
        (LENGTH, "HEAD", (), 0),
        (NONE, "GET", (), 0),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", "GET", (b"hello",), 0),
        (CHUNKED + b"2\r\nhe\r\n3;a\r\nllo\r\n0\r\n\r\n", "GET", (b"he", b"llo"), 0),
    ],
)
def test_what_is_usual_is_taken_apart(data: bytes, method: str, pieces: tuple[bytes, ...], missing: int) -> None:
    found = taken(data, method)

    assert found is not None
    assert (found.pieces, found.missing) == (pieces, missing)
    assert found.is_bodiless is (not pieces and not missing)


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (LENGTH[:-1], "GET"),
        (LENGTH + b"hello!", "GET"),
        (LENGTH + b"hello", "HEAD"),
        (NONE + b"x", "GET"),
        (CHUNKED, "GET"),
        (CHUNKED + b"5\r\nhello\r\n", "GET"),
        (CHUNKED + b"0\r\n\r\n", "GET"),
        (CHUNKED + b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "GET"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\nx", "GET"),
        (CHUNKED + b"5\nhello\r\n0\r\n\r\n", "GET"),
        (b"", "GET"),
    ],
)
def test_what_is_more_or_broken_or_not_yet_whole_is_left(data: bytes, method: str) -> None:
    assert taken(data, method) is None


@pytest.mark.parametrize("head", [LENGTH, NONE, CHUNKED])
def test_an_answer_is_known_from_the_third_time_on_and_the_same(head: bytes) -> None:
    recall: Recall[KnownAnswer] = Recall()
    request = request_of("GET / HTTP/1.1\r\nHost: a.example")
    data = head + {LENGTH: b"hello", NONE: b"", CHUNKED: b"5\r\nhello\r\n0\r\n\r\n"}[head]
    seen = []
    for _ in range(3):
        found = arrived(data, request, recall, MOST)
        assert found is not None
        remember(found, request, recall)
        seen.append(found)

    assert [each.is_known for each in seen] == [False, False, True]
    assert seen[2].response.headers.fields == seen[0].response.headers.fields
    assert (seen[2].pieces, seen[2].length) == (seen[0].pieces, seen[0].length)


def test_what_a_head_request_got_says_nothing_of_the_body_of_another() -> None:
    recall: Recall[KnownAnswer] = Recall()
    asked = request_of("HEAD / HTTP/1.1\r\nHost: a.example")
    for _ in range(3):
        found = arrived(LENGTH, asked, recall, MOST)
        assert found is not None
        remember(found, asked, recall)

    got = taken(LENGTH + b"hello", recall=recall)
    assert got is not None
    assert (got.pieces, got.is_known) == ((b"hello",), False)


def test_the_rest_of_a_body_may_be_read_on_either_way() -> None:
    rest, buffer = Stated(5), ReceiveBuffer()
    rest.take(2)
    buffer += b"llo"

    assert rest.left == 3
    assert isinstance(rest(buffer), Data)
    assert isinstance(rest(buffer), EndOfMessage)


@pytest.mark.parametrize(
    ("fields", "stream", "sent"),
    [
        ({"content-length": "2"}, True, [b"he"]),
        ({"transfer-encoding": "chunked"}, True, [b"2\r\nhe\r\n"]),
        ({"transfer-encoding": "chunked"}, lambda piece: [piece[:1], piece[1:]], [b"1\r\nh\r\n", b"1\r\ne\r\n"]),
        ({"content-length": "2"}, lambda piece: piece, [b"he"]),
    ],
)
def test_a_piece_is_framed_as_the_fields_say(fields: dict[str, str], stream: object, sent: list[bytes]) -> None:
    response = Response.make(200)
    response.headers.clear()
    response.headers.update(fields)
    response.stream = stream  # type: ignore[assignment]  # what a hook may set

    assert list(passed_on(response, b"he")) == sent


def test_the_end_of_a_body_in_chunks_is_not_said_before_its_time() -> None:
    response = Response.make(200, headers={"transfer-encoding": "chunked"})
    response.stream = lambda piece: piece

    assert list(passed_on(response, b"")) == []
