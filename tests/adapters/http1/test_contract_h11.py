"""Everything of h11 that is used and not documented, one by one: a release that moves it fails here."""

from __future__ import annotations

import h11
import pytest
from h11._readers import ChunkedReader, ContentLengthReader, Http10Reader
from h11._receivebuffer import ReceiveBuffer

from addons.http1.arriving import Stated
from addons.http1.chunks import Chunks
from addons.http1.pieces import is_inside

PRIVATE = {
    "length": (ContentLengthReader(9), {"_length": 9, "_remaining": 9}),
    "chunks": (ChunkedReader(), {"_bytes_in_chunk": 0, "_bytes_to_discard": b"", "_reading_trailer": False}),
    "until close": (Http10Reader(), {}),
}
BODIES = {
    "length": b"abcdefghij",
    "chunks": b"4\r\nabcd\r\n5;x=y\r\nefghi\r\n1\r\nj\r\n0\r\n\r\n",
}


def _reader(kind: str) -> ContentLengthReader | Chunks:
    return Stated(10) if kind == "length" else Chunks()


def _read(reader: ContentLengthReader | Chunks, data: bytes) -> tuple[bytes, bool]:
    """What h11 finds in the next bytes of a body, and whether that is its end. Half a line is lost."""
    buffer, found = ReceiveBuffer(), b""
    buffer += data
    while isinstance(event := reader(buffer), h11.Data):
        found += bytes(event.data)
    return found, isinstance(event, h11.EndOfMessage)


@pytest.mark.parametrize("kind", PRIVATE)
def test_a_reader_of_h11_keeps_just_this(kind: str) -> None:
    reader, kept = PRIVATE[kind]

    assert vars(reader) == kept


@pytest.mark.parametrize("first", range(1, 9))
@pytest.mark.parametrize("second", range(1, 5))
def test_pieces_inside_a_body_of_stated_length_are_not_missed_by_h11(first: int, second: int) -> None:
    reader, body = _reader("length"), BODIES["length"]
    passed = b""
    for piece in (body[:first], body[first : first + second], body[first + second :]):
        passed += piece if piece and is_inside(reader, len(piece)) else _read(reader, piece)[0]

    assert passed == body
    assert isinstance(reader(ReceiveBuffer()), h11.EndOfMessage)


@pytest.mark.parametrize("kind", BODIES)
def test_a_piece_that_reaches_the_end_of_what_it_is_in_is_left_to_h11(kind: str) -> None:
    reader, body = _reader(kind), BODIES[kind]
    begun = body[:2] if kind == "length" else body[:4]
    left = 8 if kind == "length" else 3
    _read(reader, begun)

    assert not is_inside(reader, left)
    assert not is_inside(reader, left + 1)
    assert is_inside(reader, left - 1)
    assert _read(reader, body[len(begun) + left - 1 :])[1]


@pytest.mark.parametrize("size", range(1, 4))
def test_nothing_between_chunks_is_taken_for_their_content(size: int) -> None:
    body = BODIES["chunks"]
    for at in (4, 5, 6, 7, 16, 17, 18, 19, 20, 26):  # where nothing of what came is left unread
        reader = Chunks()
        before = _read(reader, body[:at])[0] if at else b""
        piece = body[at : at + size]
        if is_inside(reader, len(piece)):
            assert piece.isalpha()
            assert _read(reader, body[at + size :]) == (b"abcdefghij"[len(before) + size :], True)


def test_what_is_taken_elsewhere_is_not_waited_for() -> None:
    rest = Stated(10)
    rest.take(4)

    assert rest.left == 6
    assert _read(rest, b"efghij") == (b"efghij", True)
