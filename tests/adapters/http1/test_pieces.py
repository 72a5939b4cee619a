from __future__ import annotations

import pytest
from h11._readers import ChunkedReader, ContentLengthReader, Http10Reader
from h11._receivebuffer import ReceiveBuffer

from addons.http1.pieces import is_inside

type Reader = ChunkedReader | ContentLengthReader | Http10Reader


def _chunked(start: bytes) -> ChunkedReader:
    reader = ChunkedReader()
    _rest(reader, start)
    return reader


def _rest(reader: Reader, data: bytes) -> list[object]:
    """What the reader finds in what comes next, as h11 reads it."""
    buffer, found = ReceiveBuffer(), list[object]()
    buffer += data
    while (event := reader(buffer)) is not None:
        found.append(bytes(getattr(event, "data", b"end")))
        if found[-1] == b"end":
            break
    return found


CASES: list[tuple[Reader, int, bool, bytes]] = [
    (ContentLengthReader(10), 9, True, b"z"),
    (ContentLengthReader(10), 10, False, b"0123456789"),
    (ContentLengthReader(10), 11, False, b"0123456789"),
    (_chunked(b"a\r\nxx"), 7, True, b"z\r\n0\r\n\r\n"),
    (_chunked(b"a\r\nxx"), 8, False, b"01234567\r\n0\r\n\r\n"),
    (_chunked(b"1\r\nx"), 1, False, b"\r\n0\r\n\r\n"),
    (_chunked(b"1\r\nx\r\n"), 1, False, b"0\r\n\r\n"),
    (_chunked(b"0\r\nA: "), 1, False, b"B: c\r\n\r\n"),
]


@pytest.mark.parametrize(("reader", "size", "inside", "rest"), CASES)
def test_a_piece_that_ends_within_its_body_is_nothing_else(
    reader: Reader,
    size: int,
    inside: bool,  # noqa: FBT001 - what is expected of a case
    rest: bytes,
) -> None:
    assert is_inside(reader, size) is inside
    assert _rest(reader, rest)[-1] == b"end"


def test_a_body_that_ends_with_its_connection_is_all_there_is() -> None:
    assert is_inside(Http10Reader(), 1 << 20)
