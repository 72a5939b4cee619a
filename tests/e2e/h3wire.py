"""HTTP/3 as a client speaks it over a real socket, well or badly: aioquic for the packets, and nobody for the rules.

What is sent on streams is chosen byte by byte; what comes back is cut into frames again and kept.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pylsqpack
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from addons.http3.frames import FrameCutter, Kind, write_frame, write_integer
from addons.http3.packing import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 15.0
LARGE = 2**20

type Fields = list[tuple[bytes, bytes]]


def asking(host: str, path: str = "/", *more: tuple[str, str], method: str = "GET") -> Fields:
    """The fields of a request."""
    head = ((":method", method), (":scheme", "https"), (":authority", host), (":path", path), *more)
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head]


def head(fields: Fields) -> bytes:
    """A HEADERS frame."""
    return write_frame(Kind.HEADERS, b"\x00\x00" + b"".join(literal(*each) for each in fields))


def body(data: bytes) -> bytes:
    """A DATA frame."""
    return write_frame(Kind.DATA, data)


SETTINGS = write_integer(0) + write_frame(Kind.SETTINGS, b"")


@dataclass
class Answer:
    """What came on one stream so far: heads in order, the body, how it ended; `stopped` is why we may not go on."""

    heads: list[Fields] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    reset: int | None = None
    stopped: int | None = None
    cutter: FrameCutter = field(default_factory=lambda: FrameCutter({Kind.HEADERS: LARGE}))

    @property
    def status(self) -> int:
        """The status of the final answer."""
        return int(dict(next(each for each in self.heads if dict(each)[b":status"] >= b"200"))[b":status"])

    @property
    def fields(self) -> dict[bytes, bytes]:
        """The fields of the first head."""
        return dict(self.heads[0])

    @property
    def verdict(self) -> tuple[int, str]:
        """The status and the reason of a refusal."""
        return self.status, json.loads(bytes(self.body))["reason"]

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.is_whole or self.reset is not None


class Quic(QuicConnection):
    """aioquic fails when it is asked to stop what it has reset already."""

    def _handle_stop_sending_frame(self, context: Any, frame_type: int, buf: Any) -> None:
        at = buf.tell()
        stream = self._streams.get(buf.pull_uint_var())
        if stream is not None and stream.sender._reset_error_code is not None:  # noqa: SLF001 - it tells nobody else
            buf.pull_uint_var()
            return
        buf.seek(at)
        super()._handle_stop_sending_frame(context, frame_type, buf)


class Client:
    """One connection from `source`, to a port of loopback. With `windows` it gives credit only when told to."""

    def __init__(self, port: int, name: str | None, trust: Path, **settings: Any) -> None:
        source = settings.pop("source", "127.0.0.1")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.there = ("127.0.0.1", port)
        chosen: dict[str, Any] = {"alpn_protocols": ["h3"], "verify_mode": ssl.CERT_NONE} | settings
        self.quic = Quic(configuration=QuicConfiguration(is_client=True, server_name=name, **chosen))
        self.quic.configuration.load_verify_locations(cafile=str(trust))
        self.answers: dict[int, Answer] = {}
        self.decoder = pylsqpack.Decoder(0, 0)
        self.control = FrameCutter({Kind.SETTINGS: LARGE, Kind.GOAWAY: 8})
        self.said: list[tuple[int, bytes]] = []
        self.is_connected = False
        self.end: events.ConnectionTerminated | None = None
        self.quic.connect(self.there, now=time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quic.close()
        self.flush()
        self.socket.close()

    def flush(self) -> None:
        """Send what is to be sent."""
        for datagram, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            self.socket.sendto(datagram, self.there)

    def run(self, until: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Send and receive until something is so."""
        limit = time.monotonic() + patience
        while not until():
            self.flush()
            due = self.quic.get_timer()
            now = time.monotonic()
            assert now < limit, "it never came to that"
            self.socket.settimeout(max(0.001, min(limit, due or limit, now + 0.02) - now))
            try:
                self.quic.receive_datagram(self.socket.recv(65536), self.there, now=time.monotonic())
            except TimeoutError:
                if due is not None and time.monotonic() >= due:
                    self.quic.handle_timer(now=time.monotonic())
            self._look()
            if self.end is not None:
                assert until(), f"the connection ended: {self.end}"
                return
        self.flush()

    def hear(self) -> None:
        """Take what is there, and wait for nothing."""
        self.socket.settimeout(0.002)
        try:
            while True:
                self.quic.receive_datagram(self.socket.recv(65536), self.there, now=time.monotonic())
        except TimeoutError:
            self._look()

    def _look(self) -> None:
        if self.end is None and self.quic._close_event is not None:  # noqa: SLF001 - told at once, not after the draining
            self.end = self.quic._close_event  # noqa: SLF001 - the same
        while (event := self.quic.next_event()) is not None:
            match event:
                case events.HandshakeCompleted():
                    self.is_connected = True
                case events.ConnectionTerminated():
                    self.end = event
                case events.StreamDataReceived(stream_id=stream_id) if stream_id % 4 == 0:
                    self._hear(stream_id, event.data, is_end=event.end_stream)
                case events.StreamDataReceived():
                    self._hear_control(event.data)
                case events.StreamReset(stream_id=stream_id):
                    self.answer(stream_id).reset = event.error_code
                case events.StopSendingReceived(stream_id=stream_id):
                    self.answer(stream_id).stopped = event.error_code

    def _hear(self, stream_id: int, data: bytes, *, is_end: bool) -> None:
        answer = self.answer(stream_id)
        for piece in answer.cutter.cut(data):
            if piece.kind == Kind.HEADERS:
                answer.heads.append(self.decoder.feed_header(stream_id, piece.data or b"")[1])
            else:
                answer.body += piece.data or b""
        answer.is_whole |= is_end

    def _hear_control(self, data: bytes) -> None:
        for piece in self.control.cut(data[1:] if not self.said else data):
            self.said.append((piece.kind, piece.data or b""))

    def answer(self, stream_id: int) -> Answer:
        """What came on a stream."""
        return self.answers.setdefault(stream_id, Answer())

    def connect(self) -> Self:
        """Wait for the handshake, and say what a client says first."""
        self.run(lambda: self.is_connected)
        self.send(self.open(one_way=True), SETTINGS)
        return self

    def open(self, *, one_way: bool = False) -> int:
        """A new stream."""
        stream_id = self.quic.get_next_available_stream_id(is_unidirectional=one_way)
        self.quic.send_stream_data(stream_id, b"")
        return stream_id

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Send bytes of a stream."""
        self.quic.send_stream_data(stream_id, data, end)
        self.flush()

    def ask(self, fields: Fields, content: bytes = b"", *, trailers: Fields | None = None) -> Answer:
        """Ask, and wait for the whole answer."""
        return self.whole(self.begin(fields, content, trailers=trailers))

    def begin(self, fields: Fields, content: bytes = b"", *, trailers: Fields | None = None) -> int:
        """Ask; the number of the stream."""
        stream_id = self.open()
        said = head(fields) + (body(content) if content else b"") + (head(trailers) if trailers else b"")
        self.send(stream_id, said, end=True)
        return stream_id

    def whole(self, stream_id: int) -> Answer:
        """Wait for the whole answer."""
        self.run(lambda: self.answer(stream_id).is_over)
        return self.answer(stream_id)

    def ended(self) -> int:
        """Wait for the end of the connection; its code."""
        self.run(lambda: self.end is not None)
        assert self.end is not None
        return self.end.error_code


@contextmanager
def talking(port: int, name: str | None, trust: Path, **settings: Any) -> Iterator[Client]:
    """A client that has shaken hands, within this block."""
    with Client(port, name, trust, **settings) as client:
        yield client.connect()
