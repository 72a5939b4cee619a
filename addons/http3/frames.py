"""Frames of HTTP/3 cut out of the bytes of one stream, with a bound on what is kept of any.

A frame of a kind that is gathered is told whole; one that is too large for that is told at its head, and passed over
like those that nobody knows. Bodies are told in pieces as they come.

Source: RFC 9114 section 7 (frames), section 8.1 (codes), RFC 9000 section 16 (integers of variable length).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from addons.http2.frames import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LARGEST_HEAD: Final = 16


class Kind(IntEnum):
    """The types of frames; others are extensions, which are passed over."""

    DATA = 0x0
    HEADERS = 0x1
    CANCEL_PUSH = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    GOAWAY = 0x7
    MAX_PUSH_ID = 0xD


TAKEN: Final = frozenset({0x2, 0x6, 0x8, 0x9})
"""Types that mean something in HTTP/2 and are forbidden here."""


class Code(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0x100
    GENERAL_PROTOCOL_ERROR = 0x101
    INTERNAL_ERROR = 0x102
    STREAM_CREATION_ERROR = 0x103
    CLOSED_CRITICAL_STREAM = 0x104
    FRAME_UNEXPECTED = 0x105
    FRAME_ERROR = 0x106
    EXCESSIVE_LOAD = 0x107
    ID_ERROR = 0x108
    SETTINGS_ERROR = 0x109
    MISSING_SETTINGS = 0x10A
    REQUEST_REJECTED = 0x10B
    REQUEST_CANCELLED = 0x10C
    REQUEST_INCOMPLETE = 0x10D
    MESSAGE_ERROR = 0x10E
    QPACK_DECOMPRESSION_FAILED = 0x200
    QPACK_ENCODER_STREAM_ERROR = 0x201
    QPACK_DECODER_STREAM_ERROR = 0x202


_CODES: Final = {
    ErrorCodes.NO_ERROR: Code.NO_ERROR,
    ErrorCodes.INTERNAL_ERROR: Code.INTERNAL_ERROR,
    ErrorCodes.ENHANCE_YOUR_CALM: Code.EXCESSIVE_LOAD,
    ErrorCodes.REFUSED_STREAM: Code.REQUEST_REJECTED,
    ErrorCodes.CANCEL: Code.REQUEST_CANCELLED,
}


class Wrong(Broken):
    """The client breaks HTTP/3, and the connection ends with a code of its own."""

    def __init__(self, message: str, own: Code) -> None:
        super().__init__(message)
        self.own: Final = own


def code_of_stream(code: ErrorCodes) -> Code:
    """What a stream ends with, where HTTP/2 would have said `code`."""
    return _CODES.get(code, Code.MESSAGE_ERROR)


def code_of(problem: Broken) -> Code:
    """What a connection ends with."""
    return problem.own if isinstance(problem, Wrong) else _CODES.get(problem.code, Code.GENERAL_PROTOCOL_ERROR)


@dataclass(frozen=True, slots=True)
class Piece:
    """A frame of `size` bytes, or of a body a part of it; `data` is None for what is passed over."""

    kind: int
    size: int
    data: bytes | None


def read_integer(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The integer that stands at `at`, and where it ends; None if it is not whole yet."""
    if at >= len(data):
        return None
    size = 1 << (data[at] >> 6)
    if len(data) < at + size:
        return None
    return int.from_bytes(data[at : at + size]) & ((1 << (8 * size - 2)) - 1), at + size


def write_integer(value: int) -> bytes:
    """An integer as short as can be."""
    for prefix, size in enumerate((1, 2, 4, 8)):
        if value < 1 << (8 * size - 2):
            return (value | prefix << (8 * size - 2)).to_bytes(size)
    raise ValueError("larger than any integer of QUIC")


def write_frame(kind: int, payload: bytes) -> bytes:
    """A whole frame."""
    return write_integer(kind) + write_integer(len(payload)) + payload


class FrameCutter:
    """Cuts frames. `gathered` says of each kind that is told whole how large it may be."""

    def __init__(self, gathered: Mapping[int, int]) -> None:
        self._gathered: Final = gathered
        self._head = bytearray()
        self._payload: bytearray | None = None
        self._kind = 0
        self._size = 0
        self._left: int | None = None

    @property
    def is_between(self) -> bool:
        """Whether no frame is half said."""
        return self._left is None and not self._head

    def cut(self, data: bytes) -> Iterator[Piece]:
        """The frames, or pieces of them, that are in the bytes."""
        at = 0
        while at < len(data):
            if self._left is None:
                at = self._read_head(data, at)
                if self._left is None:
                    return
                yield from self._begin()
            elif self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                yield from self._pass_on(piece)

    def _read_head(self, data: bytes, at: int) -> int:
        before = len(self._head)
        self._head += data[at : at + _LARGEST_HEAD - before]
        kind = read_integer(self._head, 0)
        size = None if kind is None else read_integer(self._head, kind[1])
        if kind is None or size is None:
            return len(data)
        self._kind, self._size, self._left = kind[0], size[0], size[0]
        self._head.clear()
        return at + size[1] - before

    def _begin(self) -> Iterator[Piece]:
        most = self._gathered.get(self._kind)
        self._payload = bytearray() if most is not None and self._size <= most else None
        if self._kind != Kind.DATA and self._payload is None:
            yield Piece(self._kind, self._size, None)
        if not self._size:
            self._left = None
            if self._kind == Kind.DATA or self._payload is not None:
                yield Piece(self._kind, 0, b"")

    def _pass_on(self, piece: bytes) -> Iterator[Piece]:
        is_whole = not self._left
        if is_whole:
            self._left = None
        if self._kind == Kind.DATA:
            yield Piece(self._kind, self._size, piece)
        elif self._payload is not None:
            self._payload += piece
            if is_whole:
                yield Piece(self._kind, self._size, bytes(self._payload))
