"""One request and its answer inside mitmproxy: judged by its head, answered at once if refused, streamed if not.

mitmproxy's own stream sends an answer that a hook set only after the whole body has arrived, cannot answer and stream
at the same time, and asks for a body (100 Continue) that it is about to refuse. Here nothing of a refused request's
body is waited for or forwarded, and no body is gathered in memory but for the little that `addons.streams.retrying`
may have to send twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

from mitmproxy import flow, http
from mitmproxy.http import Headers
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http import (
    DropStream,
    HTTPMode,
    SendHttp,
)
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
)
from mitmproxy.proxy.layers.http._hooks import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from addons.connections.phases import Await, Cut, Hold, Phase
from addons.http2.taps import Taps, Way
from addons.judging.exchange import Cut as CutBody
from addons.judging.exchange import content_instead, exchange_of
from addons.judging.heads import line_of, remember_line, spelled
from addons.passing.interim import Interim, go_on, passed_on
from addons.passing.trailers import trailers_of_answer, trailers_of_request
from addons.streams.retrying import RepeatingStream
from gateway.policy.model import Reason, refuse
from gateway.upstreams.pools.retries import OVERLOADED

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Connection
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import CommandGenerator, Layer

    from addons.http1.client_side import Commands


@dataclass(frozen=True, slots=True)
class Inside:
    """Makes the layers that take over where a stream becomes something else.

    `tunnel` looks at the first bytes in a tunnel, `websocket` relays the messages of a flow.
    """

    tunnel: Callable[[Context], Layer]
    websocket: Callable[[Context, http.HTTPFlow], Layer]


_SWITCHING: Final = 101


class Silent(ResponseProtocolError):  # noqa: N818 - it is an event of mitmproxy's, and not raised
    """Nothing has happened on a stream for too long: it ends, and so does what was asked upstream."""


def _is_framed(answer: http.Response) -> bool:
    """Whether the end of an answer shows in it, and not by the end of its connection (RFC 9112 section 6.3)."""
    return "content-length" in answer.headers or "transfer-encoding" in answer.headers


class GatewayStream(RepeatingStream):
    """A stream of the gateway. `mode` is that of the layer above.

    With `taps` it is one of several that share the client's connection, and what ends it leaves the others alone.
    """

    def __init__(
        self, context: Context, stream_id: int, mode: HTTPMode, inside: Inside, taps: Taps | None = None
    ) -> None:
        super().__init__(context, stream_id)
        self.__dict__["mode"] = mode  # a cached property of mitmproxy's, which would search the layers for it
        self._inside: Final = inside
        self._taps: Final = taps
        self._holds = False

    @property
    def waits_for(self) -> commands.Command | None:
        """What the stream waits for, if it does."""
        return None if self._paused is None else self._paused.command

    @property
    def is_abandoned(self) -> bool:
        """Whether the client has given up while the stream was waiting."""
        return any(isinstance(event, RequestProtocolError) for event in self._paused_event_queue)

    @override
    def handle_event(self, event: events.Event) -> Commands:
        """While this stream waits for something, the client's body waits too, outside of our memory.

        What the client breaks is noted at once: nobody may come to read it while the stream waits.
        """
        if isinstance(event, RequestProtocolError):
            self._note_given_up(event)
        yield from super().handle_event(event)
        if self._taps is not None:
            if self._paused is None:
                self._taps.open(self.stream_id, Way.UP, self)
            elif isinstance(event, RequestData):
                self._taps.shut(self.stream_id, Way.UP, self)
        elif self._holds:
            if self._paused is None:
                self._holds = False
                yield Hold(held=False)
        elif self._paused is not None and isinstance(event, RequestData):
            self._holds = True
            yield Hold(held=True)

    @override
    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        self.receive(event.request, body_follows=not event.end_stream)
        if (yield from self.check_invalid(True)):  # noqa: FBT003 - mitmproxy's signature: of the request
            return
        if event.request.method == "CONNECT":
            yield from self.handle_connect()
            return
        self.aim()
        yield HttpRequestHeadersHook(self.flow)
        yield from self.after_judging()

    def receive(self, request: http.Request, *, body_follows: bool) -> None:
        """The head of a request has come."""
        self.flow = http.HTTPFlow(self.context.client, self.context.server)
        self.flow.request = request
        self.flow.live = True
        self.body_follows = body_follows
        remember_line(request)

    def after_judging(self) -> Commands:
        """What becomes of a request after its head was judged."""
        if (yield from self.check_killed(True)):  # noqa: FBT003 - mitmproxy's signature: with the error hook
            return
        if self.flow.response is not None:
            yield from self._answer_now(self.flow.response)
        else:
            yield from self._go_on()

    def aim(self) -> None:
        """Say where the request goes, as far as the connection knows it; the adapters say it for good."""
        data, server = self.flow.request.data, self.context.server
        if self.mode is HTTPMode.transparent:
            data.host, data.port = server.address or ("", 0)
            data.scheme = b"https" if server.tls else b"http"
        data.authority = b""

    def _go_on(self) -> Commands:
        """The request was let through: ask for its body, and stream it."""
        asks_first = self.flow.request.headers.pop("expect", "").lower() == "100-continue"
        if asks_first and self.body_follows and self.flow.request.is_http11:
            yield SendHttp(Interim(self.stream_id, go_on()), self.context.client)
        self.server_state = self.state_wait_for_response_headers
        if self.body_follows:
            self.flow.request.stream = self.flow.request.stream or True
            yield from self.start_request_stream()
        else:
            self.client_state = self.state_consume_request_body

    def _answer_now(self, answer: http.Response) -> Commands:
        """Send the answer of a refused request. If a body would follow, the connection ends behind the answer.

        Where streams share it, only the stream ends, by itself.
        """
        ends_connection = self.body_follows and self._taps is None
        if ends_connection:
            answer.headers["Connection"] = "close"
        self.client_state = self.server_state = self.state_errored
        yield HttpResponseHook(self.flow)
        self.flow.live = False
        body = answer.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, answer, not body), self.context.client)
        if body and self.flow.request.method != "HEAD":
            yield SendHttp(ResponseData(self.stream_id, body), self.context.client)
        yield DropStream(self.stream_id)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        if ends_connection:
            yield commands.CloseConnection(self.context.client)

    @override
    def handle_connect_regular(self) -> CommandGenerator[None]:
        """Dial nothing for a CONNECT: the first bytes in the tunnel decide."""
        if self.flow.response is None:
            self.child_layer = self._inside.tunnel(self.context)
        else:
            self.flow.response.headers["Connection"] = "close"
        yield from self.handle_connect_finish()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it

    @override
    def state_stream_request_body(self, event: RequestData | RequestEndOfMessage | RequestTrailers) -> Commands:
        self.body_begun = True
        try:
            if isinstance(event, RequestEndOfMessage):
                yield from self.end_request(event)
            elif isinstance(event, RequestData):
                yield from self._pass_data(event)
            else:
                yield from super().state_stream_request_body(event)
        except CutBody:
            yield from self.cut(ErrorCode.REQUEST_TOO_LARGE)

    def _pass_data(self, event: RequestData) -> Commands:
        for command in super().state_stream_request_body(event):
            if isinstance(command, SendHttp) and isinstance(command.event, RequestData):
                self.note_sent(command.event)
            yield command

    def end_request(self, event: RequestEndOfMessage) -> Commands:
        """The request is whole: its trailers go on, cleaned as its fields were."""
        self.client_state = self.state_done
        if callable(self.flow.request.stream):
            list(self.flow.request.stream(b""))  # it counts the end, and adds nothing to the body
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(True)):  # noqa: FBT003 - mitmproxy's signature: with the error hook
            return
        kept = trailers_of_request(self.flow)
        for each in ([RequestTrailers(self.stream_id, Headers(kept))] if kept else []) + [event]:
            self.note_sent(each)
            yield SendHttp(each, self.context.server)
        if self.server_state == self.state_done:
            yield from self.flow_done()

    @override
    def send_response(self, already_streamed: bool = False) -> Commands:
        """An answer is whole. Where streams share a connection, so is its exchange, whatever the client still sends."""
        answer = self.flow.response
        if answer is not None:
            kept = trailers_of_answer(self.flow) if answer.trailers and self._takes_trailers else ()
            answer.data.trailers = Headers(kept) if kept else None
        yield from super().send_response(already_streamed)
        still_sends = self.client_state == self.state_stream_request_body
        if self._taps is not None and still_sends and self.server_state == self.state_done:
            self.client_state = self.state_errored
            yield HttpRequestHook(self.flow)
            yield SendHttp(RequestProtocolError(self.stream_id, "answered", ErrorCode.CANCEL), self.context.server)
            yield from self.flow_done()

    @property
    def _takes_trailers(self) -> bool:
        """Whether the client can be told something behind an answer, and will not throw it away."""
        return self._taps is not None or line_of(self.flow.request).trailers

    @override
    def check_killed(self, emit_error_hook: bool) -> CommandGenerator[bool]:
        """Of a stream that shares its connection nothing must stay behind: its upstream ends with it."""
        killed = yield from super().check_killed(emit_error_hook)
        if killed and self._taps is not None:
            yield from self._let_go()
        return killed

    def _let_go(self) -> Commands:
        yield from self._cancel_upstream()
        yield DropStream(self.stream_id)

    def _cancel_upstream(self) -> Commands:
        if self.flow.server_conn is self.context.server and self.context.server.timestamp_start is not None:
            gone = RequestProtocolError(self.stream_id, "gone", ErrorCode.CANCEL)
            yield SendHttp(gone, self.context.server)

    @override
    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> CommandGenerator[None]:
        if isinstance(event, Silent):
            if self.server_state == self.state_stream_response_body:
                yield from self.cut(event.code)
                return
            yield from self._cancel_upstream()
        broke_off = isinstance(event, ResponseProtocolError) and self.server_state == self.state_stream_response_body
        yield from super().handle_protocol_error(event)
        if broke_off and self._taps is None and self.flow.response and not _is_framed(self.flow.response):
            yield Cut()  # an end of the connection would be the end of the answer

    def _note_given_up(self, event: RequestProtocolError) -> None:
        """The client ended its stream, or broke it: nobody else is to be blamed for that."""
        exchange = exchange_of(self.flow)
        if self._taps is None or exchange is None:
            return
        exchange.given_up = True
        if event.code is ErrorCode.GENERIC_CLIENT_ERROR and exchange.outcome is None:
            exchange.outcome = refuse(
                Reason.MALFORMED_REQUEST, f"{spelled(line_of(self.flow.request).protocol)}: {event.message}"
            )

    @override
    def check_invalid(self, request: bool) -> CommandGenerator[bool]:
        is_invalid = yield from super().check_invalid(request)
        if is_invalid and self._taps is not None:
            yield from self._let_go()
        return is_invalid

    @override
    def state_stream_response_body(self, event: events.Event) -> Commands:
        try:
            yield from super().state_stream_response_body(event)
        except CutBody:
            yield from self.cut(ErrorCode.RESPONSE_TOO_LARGE)

    def cut(self, code: ErrorCode) -> Commands:
        """A bound was crossed while a body streamed: neither side may take what it got for the whole."""
        has_begun = self.server_state == self.state_stream_response_body
        self.client_state = self.server_state = self.state_errored
        self.flow.error = flow.Error("the body was cut")
        yield HttpErrorHook(self.flow)
        self.flow.live = False
        yield SendHttp(RequestProtocolError(self.stream_id, "cut", code), self.context.server)
        if has_begun and self._taps is None:
            yield Cut()
        else:
            yield SendHttp(ResponseProtocolError(self.stream_id, "cut", code), self.context.client)
        yield DropStream(self.stream_id)

    @override
    def state_wait_for_response_headers(self, event: ResponseHeaders | Interim) -> Commands:
        if isinstance(event, Interim):
            hint = passed_on(self.flow, event.response)
            if hint is not None:
                yield SendHttp(Interim(self.stream_id, hint), self.context.client)
            return
        if event.response.status_code in OVERLOADED and (yield from self.leave_overloaded(event)):
            return
        self.answered(event.response)
        if (yield from self.check_invalid(False)):  # noqa: FBT003 - mitmproxy's signature: of the response
            return
        yield HttpResponseHeadersHook(self.flow)
        yield from self.after_answer_head(event)

    def answered(self, response: http.Response) -> None:
        """The head of an answer has come."""
        self.flow.response = response
        _drop_keep_alive(response)

    def after_answer_head(self, event: ResponseHeaders) -> Commands:
        """What becomes of an answer after its head was judged."""
        if (yield from self.check_killed(True)):  # noqa: FBT003 - mitmproxy's signature: with the error hook
            return
        if self.flow.response is None:
            raise LookupError("an answer was taken away while it was judged")
        if self.flow.response.status_code == _SWITCHING and not self._asked_for_websocket():
            self.flow.response = None
            yield from self.handle_protocol_error(
                ResponseProtocolError(self.stream_id, "switched unasked", ErrorCode.GENERIC_SERVER_ERROR)
            )
            yield from self._let_go() if self._taps is not None else _close(self.context.server)
        elif event.end_stream:
            self.response_body_buf += content_instead(self.flow)
            self.server_state = self.state_consume_response_body
        else:
            self.flow.response.stream = self.flow.response.stream or True
            yield from self.start_response_stream()

    @override
    def flow_done(self) -> CommandGenerator[None]:
        if self.flow.websocket is None:
            yield from super().flow_done()
            return
        yield Await(Phase.TUNNEL)
        self.child_layer = self._inside.websocket(self.context, self.flow)
        self._handle_event = self.passthrough
        yield from self.child_layer.handle_event(events.Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def _asked_for_websocket(self) -> bool:
        asked = self.flow.request.headers
        return asked.get("upgrade", "").lower() == "websocket" and asked.get("sec-websocket-version") == "13"


def _close(connection: Connection) -> Commands:
    yield commands.CloseConnection(connection)


def _drop_keep_alive(response: http.Response) -> None:
    """In HTTP/1.1 a connection stays open without saying so; whoever reads the fields later is spared the question."""
    if response.data.http_version == b"HTTP/1.1" and response.headers.get("connection", "").lower() == "keep-alive":
        del response.headers["connection"]
