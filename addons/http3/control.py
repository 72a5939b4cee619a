"""The streams that a client opens in one direction: its settings, and the two of QPACK, of which nothing is used.

No dynamic table is offered, so that no head depends on another one and none has to wait. A second stream of a kind, a
kind that only servers may open, or the end of one that must not end, ends the connection.

Source: RFC 9114 section 6.2 (streams in one direction), section 7.2.4 (SETTINGS), RFC 9204 section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pylsqpack

from addons.http3.frames import TAKEN, Code, FrameCutter, Kind, Wrong, read_integer

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.http3.frames import Piece

_LARGEST: Final = 4 * 1024
_CONTROL: Final[dict[int, int]] = {Kind.SETTINGS: _LARGEST, Kind.GOAWAY: 8, Kind.MAX_PUSH_ID: 8, Kind.CANCEL_PUSH: 8}
_CONTROL_STREAM: Final = 0
_PUSH: Final = 1
_ENCODER: Final = 2
_DECODER: Final = 3
_FORBIDDEN: Final = TAKEN | {Kind.DATA, Kind.HEADERS, Kind.PUSH_PROMISE}
_NO_TABLE: Final = b"\x20"
_OLD_SETTINGS: Final = frozenset({0x0, 0x2, 0x3, 0x4, 0x5})


@dataclass(slots=True)
class _Stream:
    kind: int | None = None
    head: bytearray = field(default_factory=bytearray)


class Control:
    """Reads them. `idle` counts what asks for nothing, `stop` tells the client that a stream is of no interest."""

    def __init__(self, idle: Callable[[str], None], stop: Callable[[int], None]) -> None:
        self._idle: Final = idle
        self._stop: Final = stop
        self._streams: Final[dict[int, _Stream]] = {}
        self._kinds: Final[set[int]] = set()
        self._cutter: Final = FrameCutter(_CONTROL)
        self._encoder: Final = pylsqpack.Encoder()
        self._is_settled = False
        self._pushes = 0

    def receive(self, stream_id: int, data: bytes, *, is_end: bool) -> None:
        """Bytes of such a stream came. Raises Broken."""
        stream = self._streams.setdefault(stream_id, _Stream())
        if stream.kind is None:
            stream.head += data
            found = read_integer(stream.head, 0)
            if found is None:
                return
            stream.kind, data = found[0], bytes(stream.head[found[1] :])
            stream.head.clear()
            self._begin(stream_id, stream.kind)
        if stream.kind in {_CONTROL_STREAM, _ENCODER, _DECODER}:
            self._read(stream.kind, data)
            if is_end:
                raise Wrong("a stream has ended that must not end", Code.CLOSED_CRITICAL_STREAM)

    def reset(self, stream_id: int) -> None:
        """The client broke such a stream off. Raises Broken."""
        if self._streams.setdefault(stream_id, _Stream()).kind in {_CONTROL_STREAM, _ENCODER, _DECODER}:
            raise Wrong("a stream was reset that must not end", Code.CLOSED_CRITICAL_STREAM)

    def _begin(self, stream_id: int, kind: int) -> None:
        if kind == _PUSH:
            raise Wrong("only a server may push", Code.STREAM_CREATION_ERROR)
        if kind not in {_CONTROL_STREAM, _ENCODER, _DECODER}:
            self._idle("streams of a kind that nobody knows")
            self._stop(stream_id)
        elif kind in self._kinds:
            raise Wrong("a second stream of one kind", Code.STREAM_CREATION_ERROR)
        self._kinds.add(kind)

    def _read(self, kind: int, data: bytes) -> None:
        try:
            if kind == _ENCODER:
                _check_encoder(data)
            elif kind == _DECODER:
                self._encoder.feed_decoder(data)
            else:
                for piece in self._cutter.cut(data):
                    self._take(piece)
        except pylsqpack.DecoderStreamError:
            raise Wrong("nothing was said that this acknowledges", Code.QPACK_DECODER_STREAM_ERROR) from None

    def _take(self, piece: Piece) -> None:
        if piece.kind == Kind.SETTINGS and self._is_settled:
            raise Wrong("settings came twice", Code.FRAME_UNEXPECTED)
        if piece.kind != Kind.SETTINGS and not self._is_settled:
            raise Wrong("the control stream does not begin with settings", Code.MISSING_SETTINGS)
        if piece.kind in _FORBIDDEN:
            raise Wrong("a frame stands on the control stream that has no place there", Code.FRAME_UNEXPECTED)
        if piece.kind not in _CONTROL:
            self._idle("frames of a kind that nobody knows")
        elif piece.data is None:
            raise Wrong("a frame of the control stream is too large", Code.EXCESSIVE_LOAD)
        elif piece.kind == Kind.SETTINGS:
            _check_settings(piece.data)
            self._is_settled = True
        else:
            self._idle("frames that ask for nothing")
            self._take_number(piece.kind, piece.data)

    def _take_number(self, kind: int, data: bytes) -> None:
        found = read_integer(data, 0)
        if found is None or found[1] != len(data):
            raise Wrong("a frame is no number", Code.FRAME_ERROR)
        if kind == Kind.CANCEL_PUSH:
            raise Wrong("nothing was pushed", Code.ID_ERROR)
        if kind == Kind.MAX_PUSH_ID:
            if found[0] < self._pushes:
                raise Wrong("fewer pushes than before", Code.ID_ERROR)
            self._pushes = found[0]


def _check_encoder(data: bytes) -> None:
    """A table of no size can be given that size again, and nothing else can be done with it."""
    if data.strip(_NO_TABLE):
        raise Wrong("a dynamic table was not offered", Code.QPACK_ENCODER_STREAM_ERROR)


def _check_settings(data: bytes) -> None:
    """Nothing in them concerns us; they have to be readable all the same."""
    seen: set[int] = set()
    at = 0
    while at < len(data):
        name = read_integer(data, at)
        value = None if name is None else read_integer(data, name[1])
        if name is None or value is None:
            raise Wrong("settings end too early", Code.FRAME_ERROR)
        if name[0] in seen or name[0] in _OLD_SETTINGS:
            raise Wrong("a setting stands twice, or is one of HTTP/2", Code.SETTINGS_ERROR)
        seen.add(name[0])
        at = value[1]
