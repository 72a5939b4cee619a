"""Bodies in chunks, read strictly: what two readers could read in two ways ends the exchange.

h11 takes a chunk of 80 bits, control characters in extensions, folded trailers and lines that end without a CR. The
trailers behind the last chunk are kept, for whoever passes them on.

Source: RFC 9112 section 7.1 (chunks), section 7.1.2 (trailers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

import h11
from h11._readers import ChunkedReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from h11._receivebuffer import ReceiveBuffer

_CHUNK: Final = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_LONE_LF: Final = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class _StrictLines:
    """The buffer of a body in chunks, whose lines are refused where two readers could read them in two ways."""

    buffer: ReceiveBuffer

    def maybe_extract_at_most(self, count: int) -> bytearray | None:
        """Data, `count` bytes at most."""
        return self.buffer.maybe_extract_at_most(count)

    def maybe_extract_next_line(self) -> bytearray | None:
        """The line in front of a chunk."""
        line = self.buffer.maybe_extract_next_line()
        if line is not None and _CHUNK.fullmatch(line) is None:
            raise h11.RemoteProtocolError("no chunk begins so")
        return line

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The trailers."""
        before = bytes(self.buffer)
        lines = self.buffer.maybe_extract_lines()
        if lines is not None and _LONE_LF.search(before[: len(before) - len(self.buffer)]):
            raise h11.RemoteProtocolError("a trailer ends with a line feed alone")
        if lines is not None and not all(map(_TRAILER.fullmatch, lines)):
            raise h11.RemoteProtocolError("a trailer is no field")
        return lines


class Chunks(ChunkedReader):
    """Reads chunks; the trailers after them are kept in `trailers`, for who wants them.

    `is_broken` once it has met something that is no chunk.
    """

    is_broken = False
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    @override
    def __call__(self, buf: ReceiveBuffer | _StrictLines) -> h11.Data | h11.EndOfMessage | None:
        strict: Any = buf if isinstance(buf, _StrictLines) else _StrictLines(buf)
        try:
            found = super().__call__(strict)
        except h11.ProtocolError:
            self.is_broken = True
            raise
        if not isinstance(found, h11.EndOfMessage):
            return found
        if found.headers:  # the reader calls itself at the last chunk: there is nothing left for the outer call
            self.trailers = tuple((bytes(name), bytes(value)) for name, value in found.headers)
        return h11.EndOfMessage()


def last_chunk(trailers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The end of a body in chunks, with these fields behind it."""
    return b"0\r\n" + b"".join(b"%s: %s\r\n" % field for field in trailers) + b"\r\n"
