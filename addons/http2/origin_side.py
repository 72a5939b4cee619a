"""HTTP/2 with an origin: the requests of one client share its connection.

Pushes are not taken. An answer that HTTP/2 calls malformed breaks its stream and no
other.

Source: RFC 9113 section 8.1 (exchanges), section 5.1.2 (concurrency), section 6.8 (GOAWAY).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, override

from h2 import events as h2_events
from h2.errors import ErrorCodes
from mitmproxy.connection import ConnectionState
from mitmproxy.http import Headers
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from addons.connections.pacing import Measure, WhenRoomy
from addons.http2.answers import is_without_body, read_answer, read_interim
from addons.http2.bodies import Incoming, Lane, stated_length
from addons.http2.fields import BadField, outgoing, read_trailers
from addons.http2.requests import write_request
from addons.http2.session import Session, Windows
from addons.http2.taps import Taps, Way
from addons.passing import interim
from addons.streams.retrying import Unanswered, Unseen

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands

_BEFORE_SETTLED: Final = 10
"""Streams that are begun before the origin has said how many it takes."""
_LAST_NUMBER: Final = 2**31 - 3


class OriginSession(Session):
    """Sends requests to an origin and reads its answers, many at a time."""

    way = Way.UP

    def __init__(self, context: Context, bounds: Bounds, taps: Taps) -> None:
        self._numbers: Final[dict[int, Lane]] = {}
        self._is_settled = False
        self._roomy: WhenRoomy | None = None
        super().__init__(context, context.server, taps, Windows(stream=256 * 1024), bounds.answer_head)

    @override
    def acts(self) -> dict[type, Callable[[Any], Commands]]:
        return super().acts() | {
            h2_events.ResponseReceived: self._response,
            h2_events.InformationalResponseReceived: self._interim,
        }

    @property
    def is_settled(self) -> bool:
        """Whether the origin has said how many streams it takes."""
        return self._is_settled

    @property
    def has_room(self) -> bool:
        """Whether another request may be sent now."""
        if self.is_leaving or self.is_over or self.conn.state is not ConnectionState.OPEN:
            return False
        most = self.h2.remote_settings.max_concurrent_streams if self._is_settled else _BEFORE_SETTLED
        return len(self.lanes) < min(most, self._windows.streams) and self.h2.highest_outbound_stream_id < _LAST_NUMBER

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs on it."""
        return not self.lanes

    @override
    def settled(self, event: h2_events.RemoteSettingsChanged) -> Commands:
        self._is_settled = True
        yield from super().settled(event)

    @override
    def send(self, event: HttpEvent) -> Commands:
        if isinstance(event, RequestHeaders):
            yield from self._send_head(event)
            return
        lane = self._numbers.get(event.stream_id)
        if lane is None:
            return
        match event:
            case RequestData():
                if event.data and not lane.outgoing.has_ended:
                    lane.outgoing.pieces.append(event.data)
                    yield from self.push(lane)
                    yield from self._measure(lane)
            case RequestTrailers():
                lane.outgoing.trailers = outgoing(event.trailers.fields) or None
            case RequestEndOfMessage():
                if not lane.outgoing.has_ended:
                    lane.outgoing.is_ending = True
                    yield from self.push(lane)
            case RequestProtocolError():
                yield from self.reset(lane, ErrorCodes.CANCEL)
            case _:
                raise RuntimeError(f"unexpected towards an origin: {type(event).__name__}")

    def _send_head(self, event: RequestHeaders) -> Commands:
        if not self.has_room:
            gone = "the origin takes no more requests"
            yield ReceiveHttp(Unseen(event.stream_id, gone, ErrorCode.GENERIC_SERVER_ERROR))
            return
        stream_id = self.h2.get_next_available_stream_id()
        lane = Lane(stream_id, event.stream_id, Incoming(None))
        lane.is_head_request = event.request.data.method == b"HEAD"
        lane.outgoing.has_ended = event.end_stream
        self.h2.send_headers(stream_id, write_request(event.request), end_stream=event.end_stream)
        self.lanes[stream_id] = self._numbers[event.stream_id] = lane
        yield from self.flush()

    def _measure(self, lane: Lane) -> Commands:
        """Wait with a body while the socket is full of others."""
        if self._roomy is None:
            measure = Measure(self.conn)
            yield measure
            if not measure.is_full:
                return
            self._roomy = WhenRoomy(self.conn)
            yield self._roomy
        self.taps.shut(lane.number, self.way, WhenRoomy)

    @override
    def woken(self, event: events.Wakeup) -> Commands:
        if event.command is self._roomy:
            self._roomy = None
            for lane in self.lanes.values():
                self.taps.open(lane.number, self.way, WhenRoomy)
        yield from ()

    def _response(self, event: h2_events.ResponseReceived) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is None:
            return
        fields = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
        is_whole = event.stream_ended is not None
        try:
            answer = read_answer(fields, has_body=not is_whole, to_head=lane.is_head_request)
        except BadField as problem:
            yield from self.malformed(lane, str(problem))
            return
        self.forget_length(event.stream_id)
        is_empty = is_without_body(answer, to_head=lane.is_head_request)
        lane.incoming.expected = 0 if is_empty else stated_length(fields)
        lane.answered = True
        yield ReceiveHttp(ResponseHeaders(lane.number, answer, end_stream=is_whole or is_empty))

    def _interim(self, event: h2_events.InformationalResponseReceived) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is None:
            return
        lane.interim += 1
        if lane.interim > interim.MOST:
            yield from self.malformed(lane, "interim answers without an end")
            return
        try:
            answer = read_interim([(bytes(name), bytes(value)) for name, value in event.headers or ()])
        except BadField as problem:
            yield from self.malformed(lane, str(problem))
            return
        yield ReceiveHttp(interim.Interim(lane.number, answer))

    @override
    def malformed(self, lane: Lane, why: str) -> Commands:
        yield ReceiveHttp(ResponseProtocolError(lane.number, why, ErrorCode.GENERIC_SERVER_ERROR))
        yield from self.reset(lane, ErrorCodes.PROTOCOL_ERROR)

    @override
    def trailed(self, lane: Lane, event: h2_events.TrailersReceived) -> Commands:
        try:
            fields = read_trailers(event.headers or ())
        except BadField as problem:
            yield from self.malformed(lane, str(problem))
            return
        yield ReceiveHttp(ResponseTrailers(lane.number, Headers(fields)))

    @override
    def was_reset(self, lane: Lane, event: h2_events.StreamReset) -> Commands:
        """An origin that has answered may end a stream before it got the whole request (RFC 9113 section 8.1)."""
        if lane.incoming.has_ended:
            return
        if event.remote_reset and event.error_code == ErrorCodes.REFUSED_STREAM and not lane.answered:
            yield ReceiveHttp(_unseen(lane))
        else:
            yield ReceiveHttp(_break(lane, "the origin gave up", is_told=not event.remote_reset))

    @override
    def left_behind(self, last: int) -> Commands:
        for lane in [each for each in self.lanes.values() if each.stream_id > last]:
            self.drop(lane)
            yield ReceiveHttp(_break(lane, "the origin leaves") if lane.answered else _unseen(lane))
        yield from self._close_if_done()

    @override
    def tidy(self, lane: Lane) -> Commands:
        yield from super().tidy(lane)
        yield from self._close_if_done()

    def _close_if_done(self) -> Commands:
        if self.is_leaving and not self.lanes and not self.is_over:
            self.is_over = True
            yield commands.CloseConnection(self.conn)

    @override
    def drop(self, lane: Lane) -> None:
        super().drop(lane)
        self._numbers.pop(lane.number, None)
        self.taps.open(lane.number, self.way, WhenRoomy)

    @override
    def received_data(self, lane: Lane, data: bytes) -> HttpEvent:
        return ResponseData(lane.number, data)

    @override
    def received_end(self, lane: Lane) -> HttpEvent:
        return ResponseEndOfMessage(lane.number)

    @override
    def received_break(self, lane: Lane, why: str) -> HttpEvent:
        self.taps.open(lane.number, self.way, WhenRoomy)
        return _break(lane, why)


def _unseen(lane: Lane) -> Unseen:
    return Unseen(lane.number, "the origin did not look at it", ErrorCode.GENERIC_SERVER_ERROR)


def _break(lane: Lane, why: str, *, is_told: bool = False) -> ResponseProtocolError:
    """The end of an exchange that has none. Unless something was said of an answer, another origin may be asked."""
    kind = ResponseProtocolError if lane.answered or is_told else Unanswered
    return kind(lane.number, why, ErrorCode.GENERIC_SERVER_ERROR)
