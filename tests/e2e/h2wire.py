"""HTTP/2 by hand, from both ends: a client that may send anything, and an origin that remembers what it got."""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame

from tests.e2e.commands import PATIENCE
from tests.e2e.origin import client, read_head, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from h2.settings import SettingCodes

    from tests.e2e.origin import Visit

type Fields = Sequence[tuple[str, str]]

_HEAD: Final = 9


def quiet(*, client_side: bool) -> H2Connection:
    """A connection that checks nothing of what it sends."""
    return H2Connection(
        H2Configuration(
            client_side=client_side,
            header_encoding="utf-8",
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
    )


@dataclass(slots=True)
class Message:
    """What came on one stream."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[str, str]] | None = None
    whole: bool = False
    reset: int | None = None
    interim: list[list[tuple[str, str]]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The status of an answer; 0 while there is none."""
        return int(self.get(":status") or 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.whole or self.reset is not None

    def get(self, name: str) -> str | None:
        """The value of a field."""
        return next((value for held, value in self.fields if held == name), None)


@dataclass
class Talk:
    """One connection, as a client or as a server sees it. `auto` gives every window back at once."""

    socket: socket.socket
    client_side: bool = True
    auto: bool = True
    messages: dict[int, Message] = field(default_factory=dict)
    goaway: tuple[int, int] | None = None
    closed: bool = False
    h2: H2Connection = field(init=False)
    _buffer: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.h2 = quiet(client_side=self.client_side)

    def start(self) -> Self:
        """Say hello."""
        self.h2.initiate_connection()
        self.flush()
        return self

    def flush(self) -> None:
        """Send what is due; a peer that has gone hears nothing."""
        with suppress(OSError):
            self.socket.sendall(self.h2.data_to_send())

    def raw(self, *frames: Frame | bytes) -> None:
        """Send frames past every rule."""
        with suppress(OSError):
            self.socket.sendall(b"".join(each if isinstance(each, bytes) else each.serialize() for each in frames))

    def head(self, fields: Fields, *, end: bool = True) -> int:
        """Begin a stream, past every rule for fields."""
        stream_id = self.h2.get_next_available_stream_id()
        self.messages[stream_id] = Message()
        self.h2.send_headers(stream_id, list(fields), end_stream=end)
        self.flush()
        return stream_id

    def data(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Send a body, as its windows open."""
        if end and not data:
            self.h2.end_stream(stream_id)
            self.flush()
        sent = 0
        while sent < len(data) and self.messages[stream_id].reset is None and not self.closed:
            room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.more()
                continue
            piece = data[sent : sent + room]
            sent += len(piece)
            self.h2.send_data(stream_id, piece, end_stream=end and sent == len(data))
            self.flush()

    def leave(self, last: int) -> None:
        """Say that no stream above `last` will be looked at, and go on."""
        self.flush()
        self.raw(GoAwayFrame(0, last_stream_id=last))

    def whole(self, stream_id: int) -> Message:
        """What came on a stream, when nothing more will."""
        self.until(lambda: self.messages[stream_id].is_over)
        return self.messages[stream_id]

    def until(self, there: Callable[[], bool]) -> None:
        """Read until something is there, or the connection is at its end."""
        while not there() and not self.closed:
            self.more()

    def to_the_end(self) -> Self:
        """Read until the other side closes."""
        self.until(lambda: False)
        return self

    def more(self) -> None:
        """Read once."""
        try:
            piece = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError):
            piece = b""
        self.closed = not piece
        for frame in self._frames(piece):
            self._take(frame)
        self.flush()

    def _frames(self, piece: bytes) -> Iterator[bytes]:
        """GOAWAY is kept from hyper-h2, which would end the connection by it."""
        self._buffer += piece
        preface = 24 if not self.client_side and self._buffer.startswith(b"PRI") else 0
        if preface:
            yield bytes(self._buffer[:preface])
            del self._buffer[:preface]
        while len(self._buffer) >= _HEAD and len(self._buffer) >= _HEAD + int.from_bytes(self._buffer[:3]):
            size = _HEAD + int.from_bytes(self._buffer[:3])
            yield bytes(self._buffer[:size])
            del self._buffer[:size]

    def _take(self, raw: bytes) -> None:
        if not raw.startswith(b"PRI") and raw[3] == GoAwayFrame.type:
            self.goaway = int.from_bytes(raw[9:13]), int.from_bytes(raw[13:17])
            return
        with suppress(ProtocolError):
            for event in self.h2.receive_data(raw):
                self._note(event)

    def _note(self, event: events.Event) -> None:
        stream_id: int = getattr(event, "stream_id", None) or 0
        message = self.messages.setdefault(stream_id, Message())
        match event:
            case events.RequestReceived() | events.ResponseReceived():
                message.fields = [(str(name), str(value)) for name, value in event.headers or ()]
            case events.InformationalResponseReceived():
                message.interim.append([(str(name), str(value)) for name, value in event.headers or ()])
            case events.TrailersReceived():
                message.trailers = [(str(name), str(value)) for name, value in event.headers or ()]
            case events.DataReceived():
                message.body += event.data or b""
                if self.auto and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream_id)
            case events.StreamEnded():
                message.whole = True
            case events.StreamReset():
                message.reset = int(event.error_code or 0)


@contextmanager
def inside(port: int, host: str, to: int, authority: Path | str, *offers: str) -> Iterator[ssl.SSLSocket]:
    """TLS inside a tunnel through the forward listener at `port`; `offers` are the protocols offered."""
    with client(port) as connection:
        connection.sendall(f"CONNECT {host}:{to} HTTP/1.1\r\nHost: {host}:{to}\r\n\r\n".encode())
        assert status_of(read_head(connection)) == 200
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(str(authority))
        context.set_alpn_protocols(list(offers or ("h2", "http/1.1")))
        with context.wrap_socket(connection, server_hostname=host) as tls:
            tls.settimeout(PATIENCE)
            yield tls


@contextmanager
def talking(port: int, host: str, to: int, authority: Path | str, *, auto: bool = True) -> Iterator[Talk]:
    """A client that speaks HTTP/2 inside a tunnel."""
    with inside(port, host, to, authority) as tls:
        assert tls.selected_alpn_protocol() == "h2"
        yield Talk(tls, auto=auto).start()


def asking(authority: str, path: str = "/", *more: tuple[str, str], method: str = "GET") -> list[tuple[str, str]]:
    """The head of a request."""
    return [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path), *more]


def block(stream_id: int, packed: bytes, *flags: str) -> HeadersFrame:
    """A HEADERS frame with these bytes."""
    frame = HeadersFrame(stream_id, data=packed)
    for flag in flags:
        frame.flags.add(flag)
    return frame


type Reply = Callable[[Talk, int, Message], None]
"""What an origin does about a request that is whole."""


def hello(talk: Talk, stream_id: int, _message: Message) -> None:
    """Answer alike, whatever was asked."""
    talk.h2.send_headers(stream_id, [(":status", "200"), ("content-length", "5")])
    talk.data(stream_id, b"hello", end=True)


@dataclass
class H2Origin:
    """What an origin of HTTP/2 saw. `at_head` answers when a head is there, `reply` when a request is whole."""

    reply: Reply = hello
    at_head: Reply | None = None
    auto: bool = True
    settings: dict[SettingCodes, int] = field(default_factory=dict)
    talks: list[Talk] = field(default_factory=list)

    @property
    def messages(self) -> list[Message]:
        """Everything that was asked, connection by connection."""
        return [message for talk in self.talks for number, message in talk.messages.items() if number]

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        """Speak on one connection until it ends."""
        talk = Talk(connection, client_side=False, auto=self.auto)
        self.talks.append(talk)
        for code, value in self.settings.items():
            talk.h2.local_settings[code] = value
            talk.h2.local_settings.acknowledge()
        talk.start()
        begun: set[int] = set()
        answered: set[int] = set()
        while not talk.closed:
            talk.more()
            if not any(each is talk for each in self.talks):
                continue  # a connection of an earlier test is no business of this one
            for number, message in list(talk.messages.items()):
                if number and message.fields and number not in begun and self.at_head is not None:
                    begun.add(number)
                    with suppress(ProtocolError):
                        self.at_head(talk, number, message)
                if number and message.whole and number not in answered and message.reset is None:
                    answered.add(number)
                    with suppress(ProtocolError):
                        self.reply(talk, number, message)
            talk.flush()
        visit.data += b"h2"
