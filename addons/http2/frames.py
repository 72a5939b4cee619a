"""Frames cut out of a connection's bytes one by one, before hyper-h2 sees them.

One at a time, so that a flood is noticed at the frame that is too many and not after everything was worked off; and
because hyper-h2 ends a connection whenever GOAWAY passes, in either direction, where the protocol lets running streams
finish.

Source: RFC 9113 section 4.1 (frames), section 4.3 (header blocks), section 6.8 (GOAWAY), section 3.4 (preface).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, override

from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, GoAwayFrame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST: Final = 16 * 1024
"""The largest frame that we accept, in bytes of its payload: the protocol's own default."""

_HEAD: Final = 9
_END_STREAM: Final = 0x1
_END_HEADERS: Final = 0x4
_STREAM: Final = 0x7FFFFFFF
_LAST: Final = slice(9, 13)
_CODE: Final = slice(13, 17)


class Kind(IntEnum):
    """The types of frames; others are extensions, which are ignored."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Broken(Exception):  # noqa: N818 - it says what the connection is
    """The peer breaks the protocol, or asks too much; the connection ends with `code`."""

    def __init__(self, message: str, code: ErrorCodes = ErrorCodes.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code: Final = code


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `raw` is all of it, `size` its payload in bytes."""

    kind: int
    flags: int
    stream_id: int
    raw: bytes

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return len(self.raw) - _HEAD

    @property
    def is_piece(self) -> bool:
        """Whether it is a piece of a body, without padding."""
        return not self.kind and len(self.raw) > _HEAD and self.flags <= _END_STREAM

    @property
    def is_last(self) -> bool:
        """Whether its stream ends with it."""
        return bool(self.flags & _END_STREAM)

    @property
    def goaway(self) -> tuple[int, int]:
        """Of a GOAWAY the last stream that its sender will finish, and the code. Raises Broken for a short one."""
        if self.size < 8:  # noqa: PLR2004 - two words of four bytes (RFC 9113 section 6.8)
            raise Broken("a GOAWAY is too short", ErrorCodes.FRAME_SIZE_ERROR)
        return int.from_bytes(self.raw[_LAST]) & _STREAM, int.from_bytes(self.raw[_CODE])


class FrameCutter:
    """Cuts frames. Of one that is not whole yet no more is kept than its bytes so far.

    `block` bounds the bytes of one head with all its CONTINUATION frames, before they are unpacked.
    """

    def __init__(self, preface: bytes, block: int) -> None:
        self._preface = preface
        self._most: Final = block
        self._held: Final = bytearray()
        self._block = 0
        self.in_head = False

    @property
    def is_between(self) -> bool:
        """Whether nothing has begun that is not whole."""
        return not (self._held or self.in_head or self._preface)

    def cut(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises Broken."""
        self._held.extend(data)
        self._skip_preface()
        while (frame := self._next()) is not None:
            self._watch_heads(frame)
            yield frame

    def _skip_preface(self) -> None:
        if not self._preface:
            return
        size = min(len(self._preface), len(self._held))
        if not self._preface.startswith(self._held[:size]):
            raise Broken("the connection does not begin as HTTP/2 does")
        del self._held[:size]
        self._preface = self._preface[size:]

    def _next(self) -> Frame | None:
        held = self._held
        if self._preface or len(held) < _HEAD:
            return None
        size = int.from_bytes(held[:3])
        if size > LARGEST:
            raise Broken("a frame is larger than was agreed", ErrorCodes.FRAME_SIZE_ERROR)
        if len(held) < _HEAD + size:
            return None
        raw = bytes(held[: _HEAD + size])
        del held[: _HEAD + size]
        return Frame(raw[3], raw[4], int.from_bytes(raw[5:_HEAD]) & _STREAM, raw)

    def _watch_heads(self, frame: Frame) -> None:
        if frame.kind == Kind.CONTINUATION:
            self._block += frame.size
        elif self.in_head:
            raise Broken("another frame stands in the middle of a head")
        elif frame.kind == Kind.HEADERS:
            self._block = frame.size
        else:
            return
        if self._block > self._most:
            raise Broken("a head is larger than any that is read", ErrorCodes.ENHANCE_YOUR_CALM)
        self.in_head = not frame.flags & _END_HEADERS


def runs(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """The same frames; pieces of one body that come one behind the other are together. Raises what `frames` raises."""
    run: list[Frame] = []
    try:
        for frame in frames:
            if run and not (frame.is_piece and frame.stream_id == run[0].stream_id and not run[-1].is_last):
                whole, run = run, []
                yield whole
            if frame.is_piece:
                run.append(frame)
            else:
                yield [frame]
    except Broken:
        if run:
            yield run  # what came before is heard before
        raise
    if run:
        yield run


class Run(DataFrame):
    """What pieces of a body are for hyper-h2, which goes through all its rules once for them, and not for each.

    It words every frame for a log that nobody keeps; of this one there is nothing to be said.
    """

    @override
    def __repr__(self) -> str:
        return "Run"


def joined(run: Sequence[Frame]) -> Run:
    """The frame that these pieces would be if frames could be so large."""
    data = run[0].raw[_HEAD:] if len(run) == 1 else b"".join([memoryview(each.raw)[_HEAD:] for each in run])
    whole = Run(run[0].stream_id, data)
    whole.body_len = len(data)
    if run[-1].is_last:
        whole.flags.add("END_STREAM")
    return whole


def goaway(last: int, code: ErrorCodes) -> bytes:
    """A GOAWAY: streams above `last` were not looked at."""
    frame = GoAwayFrame(0)
    frame.last_stream_id, frame.error_code = last, code
    written: bytes = frame.serialize()
    return written
