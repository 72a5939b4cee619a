"""HTTP/2 with a client: its streams become requests, and their answers become its streams' ends.

What is wrong with one stream ends that stream, what is wrong with the connection, or too much, ends the connection;
either leaves a record. When the gateway leaves, or the client asked enough, running streams are finished and others
are told to come again elsewhere.

Source: RFC 9113 section 8.1 (exchanges), section 6.8 (GOAWAY), section 10.5 (denial of service).
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, override

from h2 import events as h2_events
from h2.errors import ErrorCodes
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

from addons.connections.pacing import Share, WhenDraining
from addons.connections.phases import Await, Enter, Phase
from addons.http1.client_side import UnreadableHead, UnreadableHeadHook
from addons.http2.answers import write_answer
from addons.http2.bodies import Incoming, Lane, stated_length
from addons.http2.calm import Calm
from addons.http2.fields import BadField, outgoing, read_trailers
from addons.http2.frames import Broken, Frame, goaway
from addons.http2.requests import read_request
from addons.http2.session import Session, Windows
from addons.http2.taps import Taps, Way
from addons.judging.heads import line_of, spelled
from addons.passing.interim import Interim
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import Request, Response
    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands

LIFETIME: Final = 10_000
"""Streams that one connection may have in its life; then the client is asked to make a new one."""

_INTERIM: Final = range(100, 200)
_REASONS: Final = {ErrorCodes.ENHANCE_YOUR_CALM: Reason.CAPACITY}
_CANCELLED: Final = frozenset({ErrorCode.CANCEL, ErrorCode.KILL, ErrorCode.CLIENT_DISCONNECTED})


class ClientSession(Session):
    """Reads a client's requests, many at a time. `answer` makes the answer for an exchange that broke."""

    way = Way.DOWN
    protocol: Literal["h2", "h3"] = "h2"

    def __init__(
        self,
        context: Context,
        bounds: Bounds,
        taps: Taps,
        answer: Callable[[ResponseProtocolError], Response | None],
        *,
        lifetime: int = LIFETIME,
    ) -> None:
        self._answer: Final = answer
        self._bounds: Final = bounds
        self._lifetime: Final = lifetime
        self.calm: Final = Calm(monotonic)
        self._leave: Final = WhenDraining()
        self._head: Final = Await(Phase.HEAD)
        self._idle: Final = Await(Phase.IDLE)
        self._seen = 0
        self._last = 0
        self._is_begun = False
        self._phase = Phase.IDLE
        super().__init__(context, context.client, taps, Windows(), bounds.head)

    @override
    def acts(self) -> dict[type, Callable[[Any], Commands]]:
        return super().acts() | {h2_events.RequestReceived: self._request}

    @override
    def start(self) -> Commands:
        yield Share()
        yield self._leave
        yield self._idle
        yield from super().start()

    @override
    def see(self, frame: Frame) -> None:
        self.calm.see(frame)

    @override
    def sent_data(self) -> None:
        self.calm.sent(1)

    @override
    def between(self, *, is_between: bool) -> Commands:
        """Say what the connection is doing: its deadline depends on that."""
        phase = Phase.EXCHANGE if self.lanes else Phase.IDLE
        if not is_between and (self.in_head or not self.lanes):
            phase = Phase.HEAD
        if phase is self._phase:
            return
        self._phase = phase
        match phase:
            case Phase.HEAD:
                yield self._head
            case Phase.IDLE:
                yield self._idle
            case _:
                yield Enter(phase)

    @property
    def in_head(self) -> bool:
        """Whether a head has begun that is not whole."""
        return self._cutter.in_head

    @property
    def is_between(self) -> bool:
        """Whether nothing has begun that is not whole."""
        return self._cutter.is_between

    @override
    def settled(self, _event: h2_events.RemoteSettingsChanged) -> Commands:
        yield from super().settled(_event)

    def _request(self, event: h2_events.RequestReceived) -> Commands:
        stream_id = event.stream_id
        if self.is_leaving:
            self.h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            self.calm.gave_up()
            return
        self.forget_length(stream_id)
        fields = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
        has_body = event.stream_ended is None
        request = read_request(fields, has_body=has_body, most=self._bounds.head, protocol=self.protocol)
        length = stated_length(fields) if line_of(request).problem is None else None
        yield from self.begin(stream_id, request, length, has_body=has_body)

    def begin(self, stream_id: int, request: Request, length: int | None, *, has_body: bool) -> Commands:
        """A request came, and `length` is what it says of its body."""
        self._last, self._seen = stream_id, self._seen + 1
        lane = Lane(stream_id, stream_id, Incoming(length))
        lane.is_head_request = request.data.method == b"HEAD"
        self.lanes[stream_id] = lane
        if self._seen >= self._lifetime:
            yield from self.say_goodbye()
        yield ReceiveHttp(RequestHeaders(stream_id, request, end_stream=not has_body))

    def may_send(self, stream_id: int) -> bool:
        """Whether the client has room in its window for more of a stream's body."""
        return stream_id in self.lanes and self.h2.remote_flow_control_window(stream_id) > 0

    def say_goodbye(self) -> Commands:
        """Begin no more streams; those that run may end."""
        if not self.is_leaving:
            self.is_leaving = True
            yield from self.say_last()

    def say_last(self) -> Commands:
        """Tell the client that no stream behind the last one is looked at."""
        yield from self.flush()
        yield commands.SendData(self.conn, goaway(self._last, ErrorCodes.NO_ERROR))

    @override
    def left_behind(self, last: int) -> Commands:
        yield from self._close_if_done()

    def _close_if_done(self) -> Commands:
        if self.is_leaving and not self.lanes and not self.is_over:
            self.is_over = True
            yield from self.flush()
            yield commands.CloseConnection(self.conn)

    @override
    def woken(self, event: events.Wakeup) -> Commands:
        if event.command is self._leave or (event.command is self._idle and self._phase is Phase.IDLE):
            yield from self.say_goodbye()
            yield from self._close_if_done()
        elif event.command is self._head and self._phase is Phase.HEAD:
            yield from self._turn_away(Broken("a head did not come in time"), Reason.HEAD_TIMEOUT)

    @override
    def broken(self, problem: Broken) -> Commands:
        yield from self._turn_away(problem, _REASONS.get(problem.code, Reason.MALFORMED_REQUEST))

    def _turn_away(self, problem: Broken, reason: Reason) -> Commands:
        """End the connection for a fault of the client's, and leave that on record."""
        decision = refuse(reason, f"{spelled(self.protocol)}: {problem}")
        refused = UnreadableHead(self.context.client, decision, is_answered=False)
        yield UnreadableHeadHook(refused)
        yield from super().broken(problem)

    @override
    def malformed(self, lane: Lane, why: str) -> Commands:
        yield ReceiveHttp(RequestProtocolError(lane.number, why, ErrorCode.GENERIC_CLIENT_ERROR))
        yield from self.reset(lane, ErrorCodes.PROTOCOL_ERROR)
        self.calm.gave_up()

    @override
    def trailed(self, lane: Lane, event: h2_events.TrailersReceived) -> Commands:
        try:
            fields = read_trailers(event.headers or (), spelled(self.protocol))
        except BadField as problem:
            yield from self.malformed(lane, str(problem))
            return
        yield ReceiveHttp(RequestTrailers(lane.number, Headers(fields)))

    @override
    def was_reset(self, lane: Lane, event: h2_events.StreamReset) -> Commands:
        self.calm.gave_up()
        yield ReceiveHttp(RequestProtocolError(lane.number, "the client gave up", ErrorCode.CANCEL))

    @override
    def drop(self, lane: Lane) -> None:
        if lane.outgoing.has_ended:
            self.calm.answered()
        super().drop(lane)
        self.taps.forget(lane.number)

    @override
    def received_data(self, lane: Lane, data: bytes) -> HttpEvent:
        return RequestData(lane.number, data)

    @override
    def received_end(self, lane: Lane) -> HttpEvent:
        return RequestEndOfMessage(lane.number)

    @override
    def received_break(self, lane: Lane, why: str) -> HttpEvent:
        return RequestProtocolError(lane.number, why, ErrorCode.CLIENT_DISCONNECTED)

    @override
    def send(self, event: HttpEvent) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is None:
            return
        match event:
            case ResponseHeaders():
                yield from self._send_head(lane, event.response, is_whole=event.end_stream)
            case Interim():
                if not lane.outgoing.has_begun:
                    yield from self._send_head(lane, event.response, is_whole=False)
            case ResponseData():
                if event.data and not lane.outgoing.has_ended:
                    lane.outgoing.pieces.append(event.data)
                    yield from self.push(lane)
            case ResponseTrailers():
                lane.outgoing.trailers = outgoing(event.trailers.fields) or None
            case ResponseEndOfMessage():
                lane.outgoing.is_ending = True
                yield from self.push(lane)
            case ResponseProtocolError():
                yield from self._send_break(lane, event)
            case _:
                raise RuntimeError(f"unexpected towards a client: {type(event).__name__}")
        yield from self.between(is_between=self.is_between)
        yield from self._close_if_done()

    def _send_head(self, lane: Lane, answer: Response, *, is_whole: bool) -> Commands:
        if lane.outgoing.has_ended:
            return
        is_final = answer.status_code not in _INTERIM
        lane.outgoing.has_begun |= is_final
        lane.outgoing.has_ended = is_final and is_whole
        self.h2.send_headers(lane.stream_id, write_answer(answer), end_stream=lane.outgoing.has_ended)
        yield from self.flush()
        if lane.outgoing.has_ended:
            yield from self.tidy(lane)

    def _send_break(self, lane: Lane, event: ResponseProtocolError) -> Commands:
        """Say a broken exchange in the gateway's words, as long as no answer has begun."""
        answer = None
        if not lane.outgoing.has_begun and event.code.http_status_code():
            answer = self._answer(event)
        if answer is None:
            code = ErrorCodes.CANCEL if event.code in _CANCELLED else ErrorCodes.INTERNAL_ERROR
            yield from self.reset(lane, code)
            return
        body = b"" if lane.is_head_request else answer.raw_content or b""
        yield from self._send_head(lane, answer, is_whole=not body)
        if body:
            lane.outgoing.pieces.append(body)
            lane.outgoing.is_ending = True
            yield from self.push(lane)

    @override
    def tidy(self, lane: Lane) -> Commands:
        """An answer that is whole ends its stream, even if the client still has something to say to it."""
        if lane.outgoing.has_ended and not lane.incoming.has_ended:
            yield from self.reset(lane, ErrorCodes.NO_ERROR)
        yield from super().tidy(lane)
