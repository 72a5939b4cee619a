"""HTTP/1 on the wire, towards the client and towards the origin: mitmproxy's parsers with bounds on what they gather.

Heads, trailers and what a client sends ahead are bounded; trailers are read and dropped; interim answers (1xx) of an
origin are dropped, so that the final answer is found; what cannot be read is answered by the gateway and recorded.

Source: RFC 9112 section 3 (request line), section 7.1 (chunks and trailers); RFC 9110 section 15.2 (interim answers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

import h11
from h11._readers import ChunkedReader
from mitmproxy.connection import ConnectionState
from mitmproxy.http import Headers
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
)

from addons.heads import check_line_ends, check_lines, is_clean_head
from addons.http2.taps import Taps, Way
from addons.pacing import Measure, WhenRoomy
from addons.phases import Await, Enter, Hold, Phase
from addons.retrying import Unanswered
from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from h11._receivebuffer import ReceiveBuffer
    from mitmproxy.connection import Client
    from mitmproxy.http import Request, Response
    from mitmproxy.proxy.context import Context

    from addons.bounds import Bounds

type Commands = Generator[commands.Command]

MOST_INTERIM: Final = 16
"""Interim answers that an origin may send before the final one."""

_BLANK_LINES: Final = 8
_INTERIM: Final = range(100, 200)
_OTHER_PROTOCOLS: Final = frozenset({0x04, 0x05, 0x16})
"""First bytes of SOCKS and of TLS, which never send what would end the head of a request."""
_SWITCHING: Final = 101
_STATUS: Final = slice(9, 12)
_CHUNK: Final = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_LONE_LF: Final = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class _StrictLines:
    """The buffer of a body in chunks, whose lines are refused where two readers could read them in two ways.

    h11 takes a chunk of 80 bits, control characters in extensions, folded trailers and lines that end without a CR.
    """

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


class _ChunksOnly(ChunkedReader):
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
        self.trailers = tuple((bytes(name), bytes(value)) for name, value in found.headers)
        return h11.EndOfMessage()


def head_size(buffer: ReceiveBuffer, most: int) -> int | None:
    """The size of a complete head at the front of the buffer, in bytes; None while it is not complete.

    Looks no further than `most` bytes: a longer head is as good as endless.
    """
    start = bytes(buffer)[: most + 4]
    ends = [at + len(mark) for mark in (b"\n\r\n", b"\n\n") if (at := start.find(mark)) >= 0]
    return min(ends, default=None)


@dataclass(slots=True)
class UnreadableHead:
    """A head that became no request. The hook that hears of it puts the answer into `response`.

    `is_answered` says whether there is a way to answer it.
    """

    client: Client
    decision: Decision
    is_answered: bool = True
    response: Response | None = None


@dataclass
class UnreadableHeadHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A head could not be read, is too large, or did not come in time."""

    data: UnreadableHead


@dataclass
class UnreadableBodyHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """The body of a request is not framed as it says; its connection has been ended."""

    data: Client


class ClientSide(_http1.Http1Server):
    """Reads a client's requests, one at a time. `answer` makes the answer for an exchange that broke."""

    def __init__(
        self, context: Context, bounds: Bounds, answer: Callable[[ResponseProtocolError], Response | None]
    ) -> None:
        super().__init__(context)
        self._bounds: Final = bounds
        self._answer: Final = answer
        self._deadline: Final = Await(Phase.HEAD)
        self._awaits = False
        self._holds = False

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            if self.state == self.read_headers and self._awaits:
                yield from self._refuse(Reason.HEAD_TIMEOUT)
            return
        yield from super()._handle_event(event)

    @override
    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if not isinstance(event, events.DataReceived):
            yield commands.CloseConnection(self.conn)
            return
        self._skip_blank_lines()
        size = head_size(self.buf, self._bounds.head)
        if (size or len(self.buf)) > self._bounds.head:
            yield from self._refuse(Reason.HEAD_TOO_LARGE)
        elif size is not None:
            yield from self._read_head(event, size)
        elif self.buf and bytes(self.buf)[0] in _OTHER_PROTOCOLS:
            yield from self._refuse(Reason.MALFORMED_REQUEST)
        elif self.buf and not self._awaits:
            self._awaits = True
            yield self._deadline

    def _skip_blank_lines(self) -> None:
        """A client may send an empty line before a request line (RFC 9112 section 2.2)."""
        for _ in range(_BLANK_LINES):
            if bytes(self.buf)[:2] != b"\r\n":
                return
            self.buf.maybe_extract_lines()

    def _read_head(self, event: events.DataReceived, size: int) -> Commands:
        head = bytes(self.buf)[:size]
        lines = [bytes(line) for line in self.buf.maybe_extract_lines() or ()]
        try:
            check_line_ends(head)
            check_lines(lines)
            self.request = http1.read_request_head(lines)
            body = http1.expected_http_body_size(self.request)
        except (ValueError, IndexError):
            yield from self._refuse(Reason.MALFORMED_REQUEST)
            return
        self._awaits = False
        yield Enter(Phase.EXCHANGE)
        yield ReceiveHttp(RequestHeaders(self.stream_id, self.request, body == 0))
        self.body_reader = _http1.make_body_reader(body)
        self.state = self.read_body
        yield from self.state(event)

    def _refuse(self, reason: Reason) -> Commands:
        """Answer what is no request, and end the connection: nobody knows where the next request would begin."""
        self.state = self.done
        refused = UnreadableHead(self.context.client, refuse(reason))
        yield UnreadableHeadHook(refused)
        if refused.response is not None:
            yield commands.SendData(self.conn, http1.assemble_response(refused.response))  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        yield commands.CloseConnection(self.conn)

    @override
    def read_body(self, event: events.Event) -> Commands:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = _ChunksOnly()
        is_told = False
        for command in super().read_body(event):
            if not is_told and isinstance(self.body_reader, _ChunksOnly) and self.body_reader.is_broken:
                is_told = True
                yield UnreadableBodyHook(self.context.client)
            yield command
        if self.state == self.read_body and len(self.buf) > self._bounds.head:
            yield from _too_much(self, self.stream_id)

    @override
    def wait(self, event: events.Event) -> Commands:
        """Keep a little of what a client sends ahead; the rest waits in its own buffers."""
        yield from super().wait(event)
        if len(self.buf) > self._bounds.ahead and not self._holds:
            self._holds = True
            yield Hold(held=True)

    @override
    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        over = (request or self.request_done) and (response or self.response_done)
        if over and self._holds:
            self._holds = False
            yield Hold(held=False)
        if over and not self._opens_tunnel():
            yield Enter(Phase.IDLE)
        yield from super().mark_done(request=request, response=response)

    def _opens_tunnel(self) -> bool:
        """Whether other layers take over the connection; they say its phases from then on."""
        if self.request is None or self.response is None:
            return False
        return _http1.should_make_pipe(self.request, self.response)

    @override
    def send(self, event: HttpEvent) -> Commands:
        """Say a broken exchange in the gateway's words, as long as no answer has begun."""
        if self.response is not None and self.response.status_code == 100:  # noqa: PLR2004 - "go on" is no answer yet
            self.response = None
        if isinstance(event, ResponseProtocolError) and self.response is None and event.code.http_status_code():
            answer = self._answer(event)
            if answer is not None:
                yield commands.SendData(self.conn, http1.assemble_response(answer))  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
            yield commands.CloseConnection(self.conn)
        elif not isinstance(event, ResponseTrailers):  # they may be dropped (RFC 9110 section 6.5), and are
            yield from super().send(event)


def _too_much(side: ClientSide | OriginSide, stream_id: int) -> Commands:
    yield commands.CloseConnection(side.conn)
    yield ReceiveHttp(side.ReceiveProtocolError(stream_id, "a body is not framed", ErrorCode.GENERIC_CLIENT_ERROR))


class OriginSide(_http1.Http1Client):
    """Sends requests to an origin and reads its answers, one at a time.

    With `taps`, which the streams of a client share, a body waits while the origin takes none, and trailers are
    passed on.
    """

    def __init__(self, context: Context, bounds: Bounds, taps: Taps | None = None) -> None:
        super().__init__(context)
        self._bounds: Final = bounds
        self._taps: Final = taps
        self._roomy: WhenRoomy | None = None
        self._interim = 0

    @property
    def is_idle(self) -> bool:
        """Whether the last exchange has ended cleanly, and nothing lies there that nobody asked for."""
        return (
            self.state == self.read_headers
            and self.stream_id is None
            and not self.buf
            and self.conn.state is ConnectionState.OPEN
        )

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            self._roomy = None
            if self._taps is not None:
                self._taps.open_all(self)
        else:
            yield from super()._handle_event(event)

    @override
    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestTrailers):
            return
        if isinstance(event, RequestHeaders):
            self._interim = 0
        if isinstance(event, RequestProtocolError):
            self.state = self.done  # what it still says is for nobody: the request may be at another server by now
        yield from super().send(event)
        if self._taps is not None and isinstance(event, RequestData):
            yield from self._measure(event.stream_id, self._taps)

    def _measure(self, stream_id: int, taps: Taps) -> Commands:
        if self._roomy is None:
            measure = Measure(self.conn)
            yield measure
            if not measure.is_full:
                return
            self._roomy = WhenRoomy(self.conn)
            yield self._roomy
        taps.shut(stream_id, Way.UP, self)

    @override
    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if isinstance(event, events.DataReceived) and self.request is not None and self.stream_id is not None:
            while (size := head_size(self.buf, self._bounds.answer_head)) is not None and self._is_interim():
                self.buf.maybe_extract_at_most(size)
                self._interim += 1
            if (size or len(self.buf)) > self._bounds.answer_head or self._interim > MOST_INTERIM:
                yield from self._give_up(self.stream_id)
                return
            if size is not None and (self._switches_unasked(self.request) or not is_clean_head(bytes(self.buf)[:size])):
                yield from self._give_up(self.stream_id)
                return
        if isinstance(event, events.ConnectionClosed) and self.stream_id is not None and not self.buf:
            yield from self._leave_unanswered(self.stream_id)
            return
        yield from super().read_headers(event)

    def _leave_unanswered(self, stream_id: int) -> Commands:
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(Unanswered(stream_id, "closed without an answer", ErrorCode.GENERIC_SERVER_ERROR))

    def _switches_unasked(self, request: Request) -> bool:
        """A 101 makes the rest a raw channel, and only a WebSocket was ever asked for."""
        switching = bytes(self.buf)[_STATUS] == b"%d" % _SWITCHING
        return switching and request.headers.get("upgrade", "").lower() != "websocket"

    def _is_interim(self) -> bool:
        status = bytes(self.buf)[_STATUS]
        return status.isdigit() and int(status) in _INTERIM and int(status) != _SWITCHING

    def _give_up(self, stream_id: int) -> Commands:
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(
            ResponseProtocolError(stream_id, "the head of the answer cannot be used", ErrorCode.GENERIC_SERVER_ERROR)
        )

    @override
    def read_body(self, event: events.Event) -> Commands:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = _ChunksOnly()
        reader, stream_id = self.body_reader, self.stream_id
        for command in super().read_body(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                yield from self._read_trailers(reader, stream_id)
            yield command
        if self.state == self.read_body and self.stream_id is not None and len(self.buf) > self._bounds.answer_head:
            yield from _too_much(self, self.stream_id)

    def _read_trailers(self, reader: object, stream_id: int | None) -> Commands:
        if self._taps is not None and stream_id is not None and isinstance(reader, _ChunksOnly) and reader.trailers:
            yield ReceiveHttp(ResponseTrailers(stream_id, Headers(reader.trailers)))
