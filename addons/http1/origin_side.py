"""HTTP/1 on the wire, towards the origin: mitmproxy's parser with bounds on what it gathers.

A request goes out in the version that the gateway speaks. Heads and trailers of answers are bounded; trailers and
interim answers (1xx) are told to the stream, which says what of them goes on.

Source: RFC 9112 section 2.3 (versions), section 4 (status line), section 7.1 (chunks and trailers); RFC 9110 section
15.2 (interim answers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from h11._readers import ChunkedReader, Http10Reader
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
)

from addons.connections.pacing import Ending, Measure, WhenRoomy
from addons.http1.chunks import Chunks, last_chunk
from addons.http1.client_side import OLD, head_size, in_own_version, is_chunked, passes, tell_trailers, too_much
from addons.http2.taps import Taps, Way
from addons.judging.heads import is_clean_head
from addons.passing import interim
from addons.passing.interim import Interim, is_interim
from addons.streams.retrying import Unanswered

if TYPE_CHECKING:
    from mitmproxy.http import Request
    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands, Trailers

_SWITCHING: Final = 101
_STATUS: Final = slice(9, 12)


class OriginSide(_http1.Http1Client):
    """Sends requests to an origin and reads its answers, one at a time.

    With `taps`, which the streams of a client share, a body waits while the origin takes none.
    """

    def __init__(self, context: Context, bounds: Bounds, taps: Taps | None = None) -> None:
        super().__init__(context)
        self._bounds: Final = bounds
        self._taps: Final = taps
        self._roomy: WhenRoomy | None = None
        self._interim = 0
        self._trailers: Trailers = ()

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
        elif type(event) is events.DataReceived and self.stream_id is not None and passes(self, event):
            yield ReceiveHttp(ResponseData(self.stream_id, event.data))
        else:
            yield from super()._handle_event(event)

    @override
    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestTrailers):
            self._trailers = event.trailers.fields
            return
        if isinstance(event, RequestHeaders):
            self._interim, self._trailers = 0, ()
            if event.request.data.http_version == OLD:
                event = RequestHeaders(event.stream_id, in_own_version(event.request), event.end_stream)
        if isinstance(event, RequestProtocolError):
            self.state = self.done  # what it still says is for nobody: the request may be at another server by now
        if isinstance(event, RequestEndOfMessage) and self._trailers and is_chunked(self.request):
            yield commands.SendData(self.conn, last_chunk(self._trailers))
            yield from self.mark_done(request=True)
            return
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
            while (size := head_size(self.buf, self._bounds.answer_head)) is not None and is_interim(bytes(self.buf)):
                yield from self._pass_interim(self.stream_id, size)
                if self.state != self.read_headers:
                    return
            if (size or len(self.buf)) > self._bounds.answer_head:
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
        if self._taps is not None:
            self._taps.open_all(self)  # the body may go on, to somebody else
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(Unanswered(stream_id, "closed without an answer", ErrorCode.GENERIC_SERVER_ERROR))

    def _switches_unasked(self, request: Request) -> bool:
        """A 101 makes the rest a raw channel, and only a WebSocket was ever asked for."""
        switching = bytes(self.buf)[_STATUS] == b"%d" % _SWITCHING
        return switching and request.headers.get("upgrade", "").lower() != "websocket"

    def _pass_interim(self, stream_id: int, size: int) -> Commands:
        answer = interim.read(bytes(self.buf.maybe_extract_at_most(size) or b""))
        self._interim += 1
        if answer is None or size > self._bounds.answer_head or self._interim > interim.MOST:
            yield from self._give_up(stream_id)
        else:
            yield ReceiveHttp(Interim(stream_id, answer))

    def _give_up(self, stream_id: int) -> Commands:
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        yield ReceiveHttp(
            ResponseProtocolError(stream_id, "the head of the answer cannot be used", ErrorCode.GENERIC_SERVER_ERROR)
        )

    def _break_off(self, stream_id: int) -> Commands:
        """An answer that ends with its connection is not whole if that was reset (RFC 9112 section 8)."""
        self.state = self.done
        broken = "the connection was reset within the answer"
        yield ReceiveHttp(ResponseProtocolError(stream_id, broken, ErrorCode.GENERIC_SERVER_ERROR))

    @override
    def read_body(self, event: events.Event) -> Commands:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = Chunks()
        if isinstance(event, events.ConnectionClosed) and type(self.body_reader) is Http10Reader:
            ending = Ending(self.conn)
            yield ending
            if ending.is_reset and self.stream_id is not None:
                yield from self._break_off(self.stream_id)
                return
        reader = self.body_reader
        for command in super().read_body(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseEndOfMessage):
                yield from tell_trailers(reader, ResponseTrailers, command.event.stream_id)
            yield command
        if self.state == self.read_body and self.stream_id is not None and len(self.buf) > self._bounds.answer_head:
            yield from too_much(self, self.stream_id)
