"""HTTP/3 on a QUIC connection, told and asked in the words of hyper-h2, so that our side of HTTP/2 needs no others.

What comes on a stream becomes the events that hyper-h2 would have made of it; what is said is put into frames. Only the
static table of QPACK is used, in both directions.

Source: RFC 9114 section 4.1 (messages), section 5.2 (GOAWAY), section 7.1 (frames), RFC 9204 section 4.5 (heads).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pylsqpack
from aioquic.quic.connection import stream_is_unidirectional
from aioquic.quic.events import QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset
from h2 import events as h2_events
from h2.errors import ErrorCodes

from addons.http3.control import Control
from addons.http3.frames import (
    TAKEN,
    Code,
    FrameCutter,
    Kind,
    Wrong,
    code_of,
    code_of_stream,
    write_frame,
    write_integer,
)
from addons.http3.packing import Packer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from addons.http2.calm import Calm
    from addons.http2.fields import RawField
    from addons.http2.frames import Broken
    from addons.http3.frames import Piece
    from addons.http3.quic import GatewayQuic

ROOM: Final = 256 * 1024
"""Bytes of one stream that may wait for a client to acknowledge them."""
ALL_ROOM: Final = 2 * 1024 * 1024
"""The same of a connection."""
_FRAME: Final = 16 * 1024
_REMEMBERED: Final = 512
_FORBIDDEN: Final = TAKEN | (frozenset(Kind) - {Kind.DATA, Kind.HEADERS})
_CONTROL: Final = 0
_SETTING_TABLE: Final = 0x1
_SETTING_HEAD: Final = 0x6
_SETTING_BLOCKED: Final = 0x7


@dataclass(frozen=True, slots=True)
class HeadTooLarge:
    """A request came whose head was not even read."""

    stream_id: int
    stream_ended: bool


@dataclass(frozen=True, slots=True)
class Malformed:
    """What came on a stream is no message."""

    stream_id: int
    why: str


type Told = (
    h2_events.RequestReceived
    | h2_events.DataReceived
    | h2_events.TrailersReceived
    | h2_events.StreamEnded
    | h2_events.StreamReset
    | HeadTooLarge
    | Malformed
)


@dataclass(slots=True)
class _Reading:
    """A stream as it comes in: whether its head was told, and its trailers; of one that `is_over` nothing is told."""

    cutter: FrameCutter
    has_head: bool = False
    has_trailers: bool = False
    is_over: bool = False


class Wire:
    """Speaks HTTP/3 with one client. `head` bounds heads in bytes, `calm` how much is said that asks for nothing."""

    max_outbound_frame_size: Final = _FRAME

    def __init__(self, quic: GatewayQuic, head: int, calm: Calm) -> None:
        self._quic: Final = quic
        self._head: Final = head
        self._calm: Final = calm
        self._readings: Final[dict[int, _Reading]] = {}
        self._control: Final = Control(calm.asked_nothing, self._stop)
        self._decoder: Final = pylsqpack.Decoder(0, 0)
        self._packer: Final = Packer()
        self._own: int | None = None
        self._next = 0

    def begin(self) -> None:
        """Say what we take."""
        self._own = self._quic.get_next_available_stream_id(is_unidirectional=True)
        settings = ((_SETTING_TABLE, 0), (_SETTING_BLOCKED, 0), (_SETTING_HEAD, self._head))
        payload = b"".join(write_integer(number) for pair in settings for number in pair)
        self._quic.send_stream_data(self._own, write_integer(_CONTROL) + write_frame(Kind.SETTINGS, payload))

    def receive(self, event: QuicEvent) -> Iterator[Told]:
        """What an event of the connection means. Raises Broken."""
        if isinstance(event, StreamDataReceived):
            if stream_is_unidirectional(event.stream_id):
                self._control.receive(event.stream_id, event.data, is_end=event.end_stream)
            else:
                yield from self._read(event.stream_id, event.data, is_end=event.end_stream)
        elif isinstance(event, StreamReset):
            if stream_is_unidirectional(event.stream_id):
                self._control.reset(event.stream_id)
            else:
                yield from self._broken_off(event.stream_id)
        elif isinstance(event, StopSendingReceived):
            if event.stream_id == self._own:
                raise Wrong("our control stream must not end", Code.CLOSED_CRITICAL_STREAM)
            yield from self._broken_off(event.stream_id)

    # What comes

    def _read(self, stream_id: int, data: bytes, *, is_end: bool) -> Iterator[Told]:
        reading = self._reading(stream_id)
        if reading.is_over:
            return
        pieces = list(reading.cutter.cut(data))
        is_whole = is_end and reading.cutter.is_between
        for number, piece in enumerate(pieces, 1):
            yield from self._take(stream_id, reading, piece, is_last=is_whole and number == len(pieces))
            if reading.is_over:
                return
        if is_end:
            yield from self._end(stream_id, reading)

    def _reading(self, stream_id: int) -> _Reading:
        reading = self._readings.get(stream_id)
        if reading is None:
            self._next = max(self._next, stream_id + 4)
            if len(self._readings) >= _REMEMBERED:
                self._forget_old()
            reading = self._readings[stream_id] = _Reading(FrameCutter({Kind.HEADERS: self._head}))
        return reading

    def _forget_old(self) -> None:
        """Aioquic tells nothing of streams any more that have ended on both sides."""
        for stream_id in [each for each in self._readings if self._quic.is_forgotten(each)]:
            del self._readings[stream_id]

    def _take(self, stream_id: int, reading: _Reading, piece: Piece, *, is_last: bool) -> Iterator[Told]:
        if piece.kind == Kind.DATA:
            yield self._body(stream_id, reading, piece.data or b"")
        elif piece.kind == Kind.HEADERS:
            yield from self._headers(stream_id, reading, piece.data, is_last=is_last)
        elif piece.kind in _FORBIDDEN:
            raise Wrong("a frame stands on a request's stream that has no place there", Code.FRAME_UNEXPECTED)
        else:
            self._calm.asked_nothing("frames of a kind that nobody knows")

    def _body(self, stream_id: int, reading: _Reading, data: bytes) -> Told:
        if not reading.has_head or reading.has_trailers:
            raise Wrong("a body stands before the head or behind trailers", Code.FRAME_UNEXPECTED)
        if data:
            self._calm.chatter.fill(1)
            self._quic.owed[stream_id] = self._quic.owed.get(stream_id, 0) + len(data)
        else:
            self._calm.asked_nothing("empty frames")
        return h2_events.DataReceived(stream_id=stream_id, data=data, flow_controlled_length=len(data))

    def _headers(self, stream_id: int, reading: _Reading, block: bytes | None, *, is_last: bool) -> Iterator[Told]:
        if reading.has_trailers:
            raise Wrong("a third head on a request's stream", Code.FRAME_UNEXPECTED)
        if reading.has_head:
            reading.has_trailers = True
            if block is None:
                yield Malformed(stream_id, "trailers larger than a head may be")
            else:
                yield h2_events.TrailersReceived(stream_id=stream_id, headers=self._unpack(stream_id, block))
            return
        reading.has_head = True
        self._calm.chatter.fill(1)
        if block is None:
            yield HeadTooLarge(stream_id, stream_ended=is_last)
            return
        ended = h2_events.StreamEnded(stream_id=stream_id) if is_last else None
        headers = self._unpack(stream_id, block)
        yield h2_events.RequestReceived(stream_id=stream_id, headers=headers, stream_ended=ended)

    def _unpack(self, stream_id: int, block: bytes) -> list[RawField]:
        try:
            return self._decoder.feed_header(stream_id, block)[1]
        except (pylsqpack.DecompressionFailed, pylsqpack.StreamBlocked):
            raise Wrong("a head cannot be unpacked", Code.QPACK_DECOMPRESSION_FAILED) from None

    def _end(self, stream_id: int, reading: _Reading) -> Iterator[Told]:
        if not reading.cutter.is_between:
            raise Wrong("a stream ends in the middle of a frame", Code.FRAME_ERROR)
        if reading.has_head:
            yield h2_events.StreamEnded(stream_id=stream_id)
        else:
            reading.is_over = True
            self._quic.drop(stream_id, Code.REQUEST_INCOMPLETE, answered=False)
            self._calm.gave_up()

    def _broken_off(self, stream_id: int) -> Iterator[Told]:
        """The client does not send any more, or does not listen: neither leaves an exchange."""
        reading = self._reading(stream_id)
        if reading.is_over:
            return
        reading.is_over = True
        if reading.has_head:
            yield h2_events.StreamReset(stream_id=stream_id, error_code=ErrorCodes.CANCEL)
        else:
            self._calm.gave_up()
        self._quic.drop(stream_id, Code.REQUEST_CANCELLED, answered=False)

    @property
    def in_head(self) -> bool:
        """Whether a request has begun whose head is not whole."""
        return any(not (each.has_head or each.is_over) for each in self._readings.values())

    def _stop(self, stream_id: int) -> None:
        self._quic.drop(stream_id, Code.STREAM_CREATION_ERROR, answered=True)

    # What is said, as hyper-h2 would be told to

    def send_headers(self, stream_id: int, headers: Sequence[RawField], *, end_stream: bool = False) -> None:
        """Say a head, or trailers."""
        self._send(stream_id, write_frame(Kind.HEADERS, self._packer.pack(headers)), is_end=end_stream)

    def send_data(self, stream_id: int, data: bytes, *, end_stream: bool = False) -> None:
        """Say a piece of a body."""
        self._send(stream_id, write_frame(Kind.DATA, data), is_end=end_stream)

    def end_stream(self, stream_id: int) -> None:
        """Say that nothing follows."""
        self._send(stream_id, b"", is_end=True)

    def _send(self, stream_id: int, data: bytes, *, is_end: bool) -> None:
        if self._quic.can_send(stream_id):
            self._quic.send_stream_data(stream_id, data, is_end)

    def reset_stream(self, stream_id: int, code: ErrorCodes) -> None:
        """End a stream; one that was answered whole keeps its answer, and what still comes is of no use."""
        self._reading(stream_id).is_over = True
        self._quic.drop(stream_id, code_of_stream(code), answered=code is ErrorCodes.NO_ERROR)

    def local_flow_control_window(self, stream_id: int) -> int:
        """How many bytes may be said now."""
        room = min(ROOM - self._quic.unsent(stream_id), ALL_ROOM - self._quic.all_unsent)
        self._quic.is_full |= room <= 0
        return room

    def remote_flow_control_window(self, stream_id: int) -> int:
        """How many bytes the client may send now."""
        return self._quic.window(stream_id)

    def acknowledge_received_data(self, size: int, stream_id: int) -> None:
        """Bytes of a body were passed on."""
        self._quic.give_back(stream_id, size)

    def data_to_send(self) -> bytes:
        """Nothing: aioquic sends by itself."""
        return b""

    def leave(self) -> None:
        """Say that no request behind those that came is looked at."""
        self._quic.takes_more = False
        if self._own is not None and self._quic.can_send(self._own):
            self._quic.send_stream_data(self._own, write_frame(Kind.GOAWAY, write_integer(self._next)))

    def end(self, problem: Broken) -> None:
        """End the connection for a fault of the client's."""
        self._quic.end(code_of(problem), str(problem), fault=True)
