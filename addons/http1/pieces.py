"""Pieces of bodies that are nothing else: they pass as they came.

mitmproxy puts what comes into a buffer, and h11 takes it out: four copies of every byte. As long as a piece ends
before its body, or the chunk that it is in, there is nothing to be found in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from h11._readers import ChunkedReader, ContentLengthReader, Http10Reader

if TYPE_CHECKING:
    from mitmproxy.proxy.layers.http._http1 import TBodyReader


def is_inside(reader: TBodyReader, size: int) -> bool:
    """Whether the next `size` bytes are in the middle of a body; if so, the reader takes them for read."""
    if isinstance(reader, ContentLengthReader):
        if size >= reader._remaining:  # noqa: SLF001 - h11 tells it in no other way
            return False
        reader._remaining -= size  # noqa: SLF001 - h11 tells it in no other way
        return True
    if isinstance(reader, ChunkedReader):
        if reader._reading_trailer or reader._bytes_to_discard or size >= reader._bytes_in_chunk:  # noqa: SLF001 - h11 tells it in no other way
            return False
        reader._bytes_in_chunk -= size  # noqa: SLF001 - h11 tells it in no other way
        return True
    return isinstance(reader, Http10Reader)
