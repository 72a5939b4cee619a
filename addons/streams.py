"""One request and its answer inside mitmproxy: judged by its head, answered at once if refused, streamed if not.

mitmproxy's own stream sends an answer that a hook set only after the whole body has arrived, cannot answer and stream
at the same time, and asks for a body (100 Continue) that it is about to refuse. Here nothing of a refused request's
body is waited for or forwarded, and no body is ever gathered in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from mitmproxy import flow, http
from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http import (
    DropStream,
    HTTPMode,
    HttpStream,
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
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from addons.exchange import Cut as CutBody
from addons.exchange import content_instead
from addons.heads import remember_line
from addons.phases import Cut, Enter, Hold, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.proxy import events
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import CommandGenerator, Layer

    from addons.http1 import Commands

type OpenTunnel = Callable[[Context], Layer]
"""Makes the layer that looks at the first bytes in a tunnel."""

_SWITCHING: Final = 101


class GatewayStream(HttpStream):
    """A stream of the gateway. `mode` is that of the layer above."""

    def __init__(self, context: Context, stream_id: int, mode: HTTPMode, open_tunnel: OpenTunnel) -> None:
        super().__init__(context, stream_id)
        self.__dict__["mode"] = mode  # a cached property of mitmproxy's, which would search the layers for it
        self._open_tunnel: Final = open_tunnel
        self._holds = False
        self._body_follows = False

    @override
    def handle_event(self, event: events.Event) -> Commands:
        """While this stream waits for something, the client's body waits too, outside of our memory."""
        yield from super().handle_event(event)
        if self._holds:
            if self._paused is None:
                self._holds = False
                yield Hold(held=False)
        elif self._paused is not None and isinstance(event, RequestData):
            self._holds = True
            yield Hold(held=True)

    @override
    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        self.flow = http.HTTPFlow(self.context.client, self.context.server)
        self.flow.request = event.request
        self.flow.live = True
        self._body_follows = not event.end_stream
        remember_line(event.request)
        if (yield from self.check_invalid(True)):  # noqa: FBT003 - mitmproxy's signature: of the request
            return
        if event.request.method == "CONNECT":
            yield from self.handle_connect()
            return
        self._aim()
        yield HttpRequestHeadersHook(self.flow)
        if (yield from self.check_killed(True)):  # noqa: FBT003 - mitmproxy's signature: with the error hook
            return
        if self.flow.response is not None:
            yield from self._answer_now(self.flow.response)
        else:
            yield from self._go_on()

    def _aim(self) -> None:
        """Say where the request goes, as far as the connection knows it; the adapters say it for good."""
        data, server = self.flow.request.data, self.context.server
        if self.mode is HTTPMode.transparent:
            data.host, data.port = server.address or ("", 0)
            data.scheme = b"https" if server.tls else b"http"
        data.authority = b""

    def _go_on(self) -> Commands:
        """The request was let through: ask for its body, and stream it."""
        if self.flow.request.headers.pop("expect", "").lower() == "100-continue" and self._body_follows:
            go_on = http.Response.make(100)
            go_on.headers.clear()
            yield SendHttp(ResponseHeaders(self.stream_id, go_on), self.context.client)
        self.server_state = self.state_wait_for_response_headers
        if self._body_follows:
            self.flow.request.stream = self.flow.request.stream or True
            yield from self.start_request_stream()
        else:
            self.client_state = self.state_consume_request_body

    def _answer_now(self, answer: http.Response) -> Commands:
        """Send the answer of a refused request. If a body would follow, the connection ends behind the answer."""
        if self._body_follows:
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
        if self._body_follows:
            yield commands.CloseConnection(self.context.client)

    @override
    def handle_connect_regular(self) -> CommandGenerator[None]:
        """Dial nothing for a CONNECT: the first bytes in the tunnel decide."""
        if self.flow.response is None:
            self.child_layer = self._open_tunnel(self.context)
        else:
            self.flow.response.headers["Connection"] = "close"
        yield from self.handle_connect_finish()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it

    @override
    def state_stream_request_body(self, event: RequestData | RequestEndOfMessage | RequestTrailers) -> Commands:
        try:
            yield from super().state_stream_request_body(event)
        except CutBody:
            yield from self._cut(ErrorCode.REQUEST_TOO_LARGE)

    @override
    def state_stream_response_body(self, event: events.Event) -> Commands:
        try:
            yield from super().state_stream_response_body(event)
        except CutBody:
            yield from self._cut(ErrorCode.RESPONSE_TOO_LARGE)

    def _cut(self, code: ErrorCode) -> Commands:
        """A bound was crossed while a body streamed: neither side may take what it got for the whole."""
        has_begun = self.server_state == self.state_stream_response_body
        self.client_state = self.server_state = self.state_errored
        self.flow.error = flow.Error("the body was cut")
        yield HttpErrorHook(self.flow)
        self.flow.live = False
        yield SendHttp(RequestProtocolError(self.stream_id, "cut", code), self.context.server)
        if has_begun:
            yield Cut()
        else:
            yield SendHttp(ResponseProtocolError(self.stream_id, "cut", code), self.context.client)
        yield DropStream(self.stream_id)

    @override
    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Commands:
        self.flow.response = event.response
        _drop_keep_alive(event.response)
        if (yield from self.check_invalid(False)):  # noqa: FBT003 - mitmproxy's signature: of the response
            return
        yield HttpResponseHeadersHook(self.flow)
        if (yield from self.check_killed(True)):  # noqa: FBT003 - mitmproxy's signature: with the error hook
            return
        if self.flow.response.status_code == _SWITCHING and not self._asked_for_websocket():
            self.flow.response = None
            yield from self.handle_protocol_error(
                ResponseProtocolError(self.stream_id, "switched unasked", ErrorCode.GENERIC_SERVER_ERROR)
            )
            yield commands.CloseConnection(self.context.server)
        elif event.end_stream:
            self.response_body_buf += content_instead(self.flow)
            self.server_state = self.state_consume_response_body
        else:
            self.flow.response.stream = self.flow.response.stream or True
            yield from self.start_response_stream()

    @override
    def flow_done(self) -> CommandGenerator[None]:
        if self.flow.websocket is not None:
            yield Enter(Phase.TUNNEL)
        yield from super().flow_done()

    def _asked_for_websocket(self) -> bool:
        asked = self.flow.request.headers
        return asked.get("upgrade", "").lower() == "websocket" and asked.get("sec-websocket-version") == "13"


def _drop_keep_alive(response: http.Response) -> None:
    """In HTTP/1.1 a connection stays open without saying so; whoever reads the fields later is spared the question."""
    if response.data.http_version == b"HTTP/1.1" and response.headers.get("connection", "").lower() == "keep-alive":
        del response.headers["connection"]
