"""One stream's bodies: what comes in against the length that its head stated, what goes out as the window allows.

The last byte of a body with a stated length is held back until its sender has ended the stream. So an HTTP/1 peer,
for whom the body is whole once it has that many bytes, never gets a whole message out of a stream that said more, or
less, than its head.

Source: RFC 9113 section 8.1.1 (malformed messages), section 5.2 (flow control).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from addons.http2.fields import RawFields

_LENGTH: Final = b"content-length"


class Mismatch(Exception):  # noqa: N818 - it says what the body is
    """A body is longer or shorter than its head said."""


@dataclass(slots=True)
class Incoming:
    """A body that comes in. `expected` is its length in bytes, None if only its end will tell."""

    expected: int | None
    received: int = 0
    has_ended: bool = False
    _kept: bytes = b""

    def take(self, data: bytes) -> bytes:
        """What may be passed on of the body so far. Raises Mismatch."""
        self.received += len(data)
        if self.expected is None:
            return data
        if self.received > self.expected:
            raise Mismatch(f"the body is longer than {self.expected} bytes")
        if self.received < self.expected or not data:
            return data
        self._kept = data[-1:]
        return data[:-1]

    def end(self) -> bytes:
        """What was held back, now that the sender has ended the stream. Raises Mismatch."""
        self.has_ended = True
        if self.expected is not None and self.received != self.expected:
            raise Mismatch(f"the body is shorter than {self.expected} bytes")
        kept, self._kept = self._kept, b""
        return kept


@dataclass(slots=True)
class Outgoing:
    """A body that goes out: the pieces that no window has room for yet, and how it ends."""

    pieces: deque[bytes] = field(default_factory=deque)
    trailers: RawFields | None = None
    has_begun: bool = False
    is_ending: bool = False
    has_ended: bool = False

    def next(self, room: int) -> bytes:
        """The next bytes, at most `room` of them."""
        piece = self.pieces.popleft()
        if len(piece) > room:
            self.pieces.appendleft(piece[room:])
        return piece[:room]

    @property
    def ends_with_data(self) -> bool:
        """Whether the last frame of data ends the stream, because nothing follows it."""
        return self.is_ending and not self.pieces and self.trailers is None


@dataclass(slots=True)
class Lane:
    """One stream: `stream_id` on this connection, `number` the one it has with the client.

    `owed` are bytes of window that were used and not given back.
    """

    stream_id: int
    number: int
    incoming: Incoming
    outgoing: Outgoing = field(default_factory=Outgoing)
    owed: int = 0
    is_shut: bool = False
    is_head_request: bool = False
    answered: bool = False
    interim: int = 0


def stated_length(fields: RawFields) -> int | None:
    """The length that a head states, if it states one that can be read; others were refused or will be."""
    for name, value in fields:
        if name == _LENGTH and value.isdigit():
            return int(value)
    return None
