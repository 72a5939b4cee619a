from __future__ import annotations

import h11
import pytest
from h11._receivebuffer import ReceiveBuffer

from addons.http1.chunks import Chunks, last_chunk


def buffer(data: bytes) -> ReceiveBuffer:
    found = ReceiveBuffer()
    found += data
    return found


def read(data: bytes) -> tuple[bytes, Chunks]:
    """What comes out of chunks that are there at once."""
    reader, waiting, body = Chunks(), buffer(data), b""
    while isinstance(found := reader(waiting), h11.Data):
        body += bytes(found.data)
    assert isinstance(found, h11.EndOfMessage)
    return body, reader


def test_a_body_is_read_with_the_trailers_behind_it() -> None:
    body, reader = read(b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-A: 1\r\nX-B:2\r\n\r\n")

    assert (body, reader.trailers, reader.is_broken) == (b"abcde", ((b"x-a", b"1"), (b"x-b", b"2")), False)


def test_trailers_that_come_by_and_by_are_the_same() -> None:
    reader, waiting = Chunks(), buffer(b"0\r\nX-A")
    assert reader(waiting) is None

    waiting += b": 1\r\n\r\n"

    assert isinstance(reader(waiting), h11.EndOfMessage)
    assert reader.trailers == ((b"x-a", b"1"),)


def test_a_body_without_trailers_has_none() -> None:
    assert read(b"0\r\n\r\n")[1].trailers == ()


@pytest.mark.parametrize(
    "chunks",
    [
        b"10000000000000000\r\n",
        b"0x3\r\n",
        b"-3\r\n",
        b"3 a\r\n",
        b"3;a\0\r\n",
        b"3;a\rb\r\n",
        b"0\r\nX-A: b\nX-B: c\r\n\r\n",
        b"0\r\nX-A: b\r\n c\r\n\r\n",
        b"0\r\nX-A : b\r\n\r\n",
        b"0\r\nX-A\r\n\r\n",
    ],
)
def test_what_two_would_read_in_two_ways_is_broken(chunks: bytes) -> None:
    reader = Chunks()

    with pytest.raises(h11.ProtocolError):
        reader(buffer(chunks))
    assert reader.is_broken


def test_the_last_chunk_is_written_as_it_is_read() -> None:
    assert last_chunk(()) == b"0\r\n\r\n"
    assert read(last_chunk([(b"x-a", b"1"), (b"x-b", b"2")]))[1].trailers == ((b"x-a", b"1"), (b"x-b", b"2"))
