"""What a worker and the owner of the log say to each other over a socket, as bytes. Pure.

A frame is the length of its body (32 bits), its kind (8 bits), a ticket (64 bits) and the body. Tickets are a worker's
own numbers for its records: 1, 2, 3 and so on over one connection. A worker sends

    RECORD   the text of a record without its opening brace
    SYNC     wants to know when everything up to the ticket is on the disk; no body

and the owner answers, each time about everything up to the ticket

    TAKEN    accepted; the body is the sequence number of the record with the ticket and how many have such numbers
             without a gap up to it, 64 bits each
    SAFE     on the disk; no body
    FAILED   not on the disk in time; the body says why
    TROUBLE  nothing is accepted at the moment; the body says why, and an empty one that it is over
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD: Final = 1
SYNC: Final = 2
TAKEN: Final = 3
SAFE: Final = 4
FAILED: Final = 5
TROUBLE: Final = 6

LONGEST: Final = 1024 * 1024
_HEAD: Final = struct.Struct(">IBQ")
_NUMBERS: Final = struct.Struct(">QQ")


class Garbled(Exception):  # noqa: N818 - it says what the bytes are
    """These bytes are no frames; nothing that follows them can be understood."""


class Frame(NamedTuple):
    """One message: its kind, the ticket that it is about, and what it says."""

    kind: int
    ticket: int
    body: bytes


def frame(kind: int, ticket: int, body: bytes = b"") -> bytes:
    """The bytes of a message."""
    return _HEAD.pack(len(body), kind, ticket) + body


def record(ticket: int, body: bytes) -> bytes:
    """The bytes of a record."""
    return _HEAD.pack(len(body), RECORD, ticket) + body


def taken(ticket: int, seq: int, count: int) -> bytes:
    """The bytes that say which numbers the last `count` records up to a ticket have: those up to `seq`."""
    return frame(TAKEN, ticket, _NUMBERS.pack(seq, count))


def numbers(body: bytes) -> tuple[int, int]:
    """What `taken` said: the last number, and how many. Raises Garbled."""
    try:
        seq, count = _NUMBERS.unpack(body)
    except struct.error:
        raise Garbled("numbers that are none") from None
    return seq, count


class Parser:
    """Makes frames of bytes that come in any pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole by now. Raises Garbled."""
        data, at = self._rest + data, 0
        while at + _HEAD.size <= len(data):
            length, kind, ticket = _HEAD.unpack_from(data, at)
            if length > LONGEST or not RECORD <= kind <= TROUBLE:
                raise Garbled(f"a frame of kind {kind} and {length} bytes")
            end = at + _HEAD.size + length
            if end > len(data):
                break
            yield Frame(kind, ticket, data[at + _HEAD.size : end])
            at = end
        self._rest = data[at:]
