"""HTTP/2 frame by frame: a client that sends any fields in any order, and reads the answers of its streams.

Source: RFC 9113 section 3.4 (preface), section 4 (frames), section 6 (their types); RFC 7541 (field blocks).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.conformance.table import wire
from tests.e2e.wire import Answer, Closed

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD: Final = 9
_ROOM: Final = 1 << 20
_INTERIM: Final = range(100, 200)


@dataclass(slots=True)
class _Stream:
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_over: bool = False


@dataclass(slots=True)
class Streams:
    """One connection of HTTP/2; `reset` holds the streams that the other end broke off, with their error codes."""

    socket: socket.socket
    reset: dict[int, int] = field(default_factory=dict)
    last: int = -1
    _streams: dict[int, _Stream] = field(default_factory=dict)
    _encoder: Encoder = field(default_factory=Encoder)
    _decoder: Decoder = field(default_factory=Decoder)
    _buffer: bytearray = field(default_factory=bytearray)

    def start(self) -> None:
        """Say the preface, and that there is room for answers."""
        self._raw(PREFACE + SettingsFrame(0).serialize() + WindowUpdateFrame(0, window_increment=_ROOM).serialize())

    def head(self, lines: Iterable[str], *, end: bool) -> None:
        """Begin a stream with fields like `:path: /x`, as they are written."""
        self.last += 2
        self._streams[self.last] = _Stream()
        self._fields(lines, end=end)

    def trailers(self, lines: Iterable[str]) -> None:
        """End the last stream with fields."""
        self._fields(lines, end=True)

    def _fields(self, lines: Iterable[str], *, end: bool) -> None:
        pairs = [
            (line[0] + name, value.removeprefix(" ")) for line in lines for name, _, value in [line[1:].partition(":")]
        ]
        block = self._encoder.encode([(wire(name), wire(value)) for name, value in pairs])
        self._raw(
            HeadersFrame(self.last, data=block, flags=["END_HEADERS", *(["END_STREAM"] if end else [])]).serialize()
        )

    def data(self, text: bytes, *, end: bool) -> None:
        """Send a piece of the last stream's body."""
        self._raw(DataFrame(self.last, data=text, flags=["END_STREAM"] if end else []).serialize())

    def break_off(self) -> None:
        """Break the last stream off."""
        self._raw(RstStreamFrame(self.last, error_code=8).serialize())

    def raw(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        """Send a frame of any type, however wrong."""
        self._raw(len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body)

    def answer(self, stream_id: int) -> Answer:
        """The answer on a stream; raises Closed if the stream or the connection ended without one."""
        while not self._streams[stream_id].is_over:
            if stream_id in self.reset or not self._more():
                raise Closed(bytes(self._buffer))
        said = self._streams[stream_id]
        fields = tuple((name, value) for name, value in said.fields if name != ":status")
        return Answer(int(dict(said.fields)[":status"]), fields, bytes(said.body))

    def broken_off(self, streams: int) -> None:
        """Read until each of so many streams was answered or broken off, or the connection ends."""
        wanted = range(1, 2 * streams, 2)
        while any(not self._streams[each].is_over and each not in self.reset for each in wanted) and self._more():
            pass

    def rest(self, answered: int) -> bytes:
        """What came beyond the streams that were answered, when the other end has closed."""
        while self._more():
            pass
        late = [stream for number, stream in self._streams.items() if number > 2 * answered and stream.fields]
        return b"another answer" if late else b""

    def _raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        self._buffer += piece
        while len(self._buffer) >= _HEAD and len(self._buffer) >= _HEAD + int.from_bytes(self._buffer[:3]):
            size = _HEAD + int.from_bytes(self._buffer[:3])
            self._take(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return bool(piece)

    def _take(self, raw: bytes) -> None:
        frame, _ = Frame.parse_frame_header(memoryview(raw[:_HEAD]))
        frame.parse_body(memoryview(raw[_HEAD:]))
        stream = self._streams.get(frame.stream_id, _Stream())
        if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self._raw(SettingsFrame(0, flags=["ACK"]).serialize())
        elif isinstance(frame, HeadersFrame):
            found = [(_text(name), _text(value)) for name, value in self._decoder.decode(frame.data, raw=True)]
            if int(dict(found).get(":status", "0")) not in _INTERIM:
                stream.fields += found
        elif isinstance(frame, DataFrame):
            stream.body += frame.data
        elif isinstance(frame, RstStreamFrame) and not stream.is_over:
            self.reset[frame.stream_id] = frame.error_code
        stream.is_over |= "END_STREAM" in frame.flags


def _text(data: bytes | str) -> str:
    return data if isinstance(data, str) else data.decode("latin-1")
