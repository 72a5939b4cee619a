"""HTTP/1 on the wire, towards the client: mitmproxy's parser with bounds on what it gathers.

Heads, trailers and what a client sends ahead are bounded; trailers are told to the stream, which says what of them goes
on; what cannot be read is answered by the gateway and recorded. The origin's side is in `addons.http1.origin_side`.

Source: RFC 9112 section 3 (request line), section 7.1 (chunks and trailers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

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
    RequestEndOfMessage,
    RequestHeaders,
    RequestTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
)

from addons.connections.phases import Await, Enter, Hold, Phase
from addons.http1.chunks import Chunks, last_chunk
from addons.http1.pieces import is_inside
from addons.judging.heads import check_line_ends, check_lines
from addons.passing import interim
from addons.passing.interim import Interim
from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from h11._receivebuffer import ReceiveBuffer
    from mitmproxy.connection import Client
    from mitmproxy.http import Request, Response
    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds

type Commands = Generator[commands.Command]
type Trailers = tuple[tuple[bytes, bytes], ...]

_BLANK_LINES: Final = 8
_OTHER_PROTOCOLS: Final = frozenset({0x04, 0x05, 0x16})
"""First bytes of SOCKS and of TLS, which never send what would end the head of a request."""
OLD: Final = b"HTTP/1.0"
"""A version that the gateway hears, and does not speak."""


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
        self._trailers: Trailers = ()

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            if self.state == self.read_headers and self._awaits:
                yield from self._refuse(Reason.HEAD_TIMEOUT)
            return
        if type(event) is events.DataReceived and passes(self, event):
            yield ReceiveHttp(RequestData(self.stream_id, event.data))
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
            self.body_reader = Chunks()
        is_told, reader = False, self.body_reader
        for command in super().read_body(event):
            if not is_told and isinstance(reader, Chunks) and reader.is_broken:
                is_told = True
                yield UnreadableBodyHook(self.context.client)
            if isinstance(command, ReceiveHttp) and isinstance(command.event, RequestEndOfMessage):
                yield from tell_trailers(reader, RequestTrailers, command.event.stream_id)
            yield command
        if self.state == self.read_body and len(self.buf) > self._bounds.head:
            yield from too_much(self, self.stream_id)

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
        if over and self.request is not None and self.request.data.http_version == OLD and _keeps(self.response):
            self.request = in_own_version(self.request)
        yield from super().mark_done(request=request, response=response)

    def _opens_tunnel(self) -> bool:
        """Whether other layers take over the connection; they say its phases from then on."""
        if self.request is None or self.response is None:
            return False
        return _http1.should_make_pipe(self.request, self.response)

    @override
    def send(self, event: HttpEvent) -> Commands:
        """Say a broken exchange in the gateway's words, as long as no answer has begun."""
        if isinstance(event, ResponseProtocolError) and self.response is None and event.code.http_status_code():
            answer = self._answer(event)
            if answer is not None:
                yield commands.SendData(self.conn, http1.assemble_response(answer))  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
            yield commands.CloseConnection(self.conn)
        elif isinstance(event, Interim):
            if self.response is None and self.conn.state & ConnectionState.CAN_WRITE:
                yield commands.SendData(self.conn, interim.written(event.response))
        elif isinstance(event, ResponseTrailers):
            self._trailers = event.trailers.fields
        elif isinstance(event, ResponseEndOfMessage) and self._trailers:
            trailers, self._trailers = self._trailers, ()
            if is_chunked(self.response) and self.request is not None and self.request.method != "HEAD":
                yield commands.SendData(self.conn, last_chunk(trailers))
                yield from self.mark_done(response=True)
            else:
                yield from super().send(event)
        else:
            yield from super().send(event)

    def begin_answer(self, answer: Response) -> bytes:
        """Begin an answer; its head, to be sent."""
        self.response = answer
        head: bytes = http1.assemble_response_head(answer)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        return head

    def begin_anew(self) -> None:
        """An exchange is over, both ways, and the connection stays."""
        self.request = self.response = None
        self.request_done = self.response_done = False
        self.stream_id += 2
        self.state = self.read_headers


def _keeps(answer: Response | None) -> bool:
    """Whether a client of HTTP/1.0 was told that its connection goes on; without a word it does not."""
    return answer is not None and answer.headers.get("connection", "").lower() == "keep-alive"


def in_own_version(request: Request) -> Request:
    """A request of HTTP/1.0 as the gateway passes it on: in the version that it speaks itself."""
    own = request.copy()
    own.data.http_version = b"HTTP/1.1"
    return own


def is_chunked(message: Request | Response | None) -> bool:
    """Whether a message has a body in chunks."""
    return message is not None and "chunked" in message.headers.get("transfer-encoding", "").lower()


def tell_trailers(
    reader: object, kind: type[RequestTrailers | ResponseTrailers], stream_id: int
) -> Generator[commands.Command]:
    """Tell of the trailers that a body in chunks had."""
    if isinstance(reader, Chunks) and reader.trailers:
        yield ReceiveHttp(kind(stream_id, Headers(reader.trailers)))


def passes(side: _http1.Http1Connection, event: events.DataReceived) -> bool:
    """Whether what has come is a piece of a body and nothing else, and counts as read."""
    return side.state == side.read_body and not side.buf and is_inside(side.body_reader, len(event.data))


def too_much(side: _http1.Http1Connection, stream_id: int) -> Commands:
    """End a connection on which something comes that is no frame of a body, and too much of it."""
    yield commands.CloseConnection(side.conn)
    yield ReceiveHttp(side.ReceiveProtocolError(stream_id, "a body is not framed", ErrorCode.GENERIC_CLIENT_ERROR))
