"""A stream that asks again when a server failed it, as long as nothing of an answer has left the gateway.

A server may close a kept connection at the moment in which the next request is sent on it: then the same server is
asked once more, on a fresh one. Whether there is another server, and whether it may be asked, is said by the hook, see
`addons.upstream.elsewhere`. What a connection that failed still says is dropped: every later word in this stream is
that of the other one.

Source: RFC 9110 section 9.2.2 (idempotent methods), RFC 9112 section 9.3.1 (retrying requests), RFC 9113 section 8.7
(requests that were not processed).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Final, override

from mitmproxy.proxy import commands
from mitmproxy.proxy.layer import Paused
from mitmproxy.proxy.layers.http import GetHttpConnection, HttpStream, SendHttp
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

from addons.judging.exchange import exchange_of
from addons.passing.interim import Interim
from gateway.upstreams.pools.retries import Failure, is_repeatable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy import events
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layer import CommandGenerator

_ANSWERS: Final = (
    Interim,
    ResponseHeaders,
    ResponseData,
    ResponseTrailers,
    ResponseEndOfMessage,
    ResponseProtocolError,
)


type _Sent = RequestData | RequestTrailers | RequestEndOfMessage

REPLAYED: Final = 64 * 1024
"""How much of a body is kept, in bytes, to be sent again if a kept connection turns out to be closed."""


class Unanswered(ResponseProtocolError):  # noqa: N818 - it is an event of mitmproxy's, and not raised
    """An upstream ended a connection before it had said one byte of an answer."""


class Unseen(Unanswered):
    """An upstream said that it has not looked at a request, and will not: it was never done (RFC 9113 section 8.7)."""


@dataclass(slots=True)
class Attempted:
    """A server failed a request. The hook says `again` once the flow leads to another."""

    flow: HTTPFlow
    failure: Failure
    body_begun: bool
    again: bool = False


@dataclass
class UpstreamFailedHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A server failed a request of which nothing was answered yet."""

    data: Attempted


class WaitingStream(HttpStream):
    """A stream that can be made to wait, and to go on, from outside. See `addons.http1.straight`."""

    is_straight = False
    """Whether it has only met what is usual."""

    def pause(
        self, command: commands.Command, rest: Generator[commands.Command], came: Iterable[events.Event] = ()
    ) -> None:
        """Wait until `command` is done, then go on with `rest`, and with what `came` behind it."""
        command.blocking = self
        self._paused = Paused(command, rest)
        self._paused_event_queue.extend(came)

    def go_on(self) -> tuple[events.Event, ...]:
        """Wait no longer; whoever says so does by himself what is left to do, and takes what came meanwhile."""
        came = tuple(self._paused_event_queue)
        self._paused = None
        self._paused_event_queue.clear()
        return came

    @property
    def queued(self) -> Sequence[events.Event]:
        """What came while the stream was waiting, and is worked off when it goes on."""
        return self._paused_event_queue

    @property
    def waits_for_answer(self) -> bool:
        """Whether the request has left whole, and nothing of an answer has come."""
        has_left: bool = self.client_state == self.state_done
        return has_left and self.server_state == self.state_wait_for_response_headers

    @property
    def is_refused(self) -> bool:
        """Whether the request goes no further, because there is an answer to it already."""
        is_over: bool = self.client_state == self.state_errored
        return is_over

    def take_nothing(self) -> None:
        """The request is whole, and has no body."""
        self.flow.request.timestamp_end = time()
        self.flow.request.data.content = b""
        self.client_state = self.state_done

    @property
    def streams_answer(self) -> bool:
        """Whether an answer is being passed on, piece by piece."""
        streams: bool = self.server_state == self.state_stream_response_body
        return streams

    @property
    def passes_body(self) -> bool:
        """Whether the body of the request is being passed on, and nothing of an answer has come."""
        passes: bool = self.client_state == self.state_stream_request_body
        return passes and self.server_state == self.state_wait_for_response_headers

    @property
    def keeps_answer(self) -> bool:
        """Whether an answer is sent only behind the hook that sees it whole, because there is no body to pass on."""
        keeps: bool = self.server_state == self.state_consume_response_body
        return keeps


class RepeatingStream(WaitingStream):
    """A stream whose request may go to another server than the one that it was sent to first.

    `body_follows` says that the request has a body, `body_begun` that some of it has left for a server. Whoever finds
    a connection says whether it is `on_kept`, one that stood before, and finds a new one if this one `wants_fresh`.
    """

    def __init__(self, context: Context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self.body_follows = False
        self.body_begun = False
        self.on_kept = False
        self.wants_fresh = False
        self._is_answered = False
        self._sent: list[_Sent] | None = None
        self._room = 0

    @override
    def make_server_connection(self) -> CommandGenerator[bool]:
        """Find a connection to the server that was chosen, or to another one if there is none."""
        while True:
            request = self.flow.request
            wanted = GetHttpConnection((request.host, request.port), request.scheme == "https", None)
            connection, problem = yield wanted
            if problem is None:
                self.context.server = self.flow.server_conn = connection
                self._keep_in_mind()
                return True
            if not (yield from self._turn_elsewhere(Failure.NOT_REACHED)):
                broken = ResponseProtocolError(self.stream_id, problem, ErrorCode.CONNECT_FAILED)
                yield from self.handle_protocol_error(broken)
                return False

    @override
    def handle_protocol_error(self, event: RequestProtocolError | ResponseProtocolError) -> CommandGenerator[None]:
        """End the exchange, unless another server may give the answer that one left owing."""
        is_owed = self.server_state == self.state_wait_for_response_headers and self.client_state != self.state_errored
        if isinstance(event, Unanswered) and is_owed and self._is_stale(event):
            self.wants_fresh = True
            yield from self._ask_afresh()
        elif isinstance(event, Unanswered) and is_owed and (yield from self._turn_elsewhere(Failure.BROKEN_OFF)):
            yield from self._ask_again()
        else:
            yield from super().handle_protocol_error(event)

    def _keep_in_mind(self) -> None:
        """From now on keep what is sent, if it may have to be sent again."""
        self._sent, self._room = None, REPLAYED
        if self.body_follows and self.on_kept:
            self._sent = []

    def begin_body(self) -> None:
        """The head leaves on the connection that was found, and the body is passed on piece by piece."""
        self._keep_in_mind()
        self.flow.request.stream = self.flow.request.stream or True
        self.client_state = self.state_stream_request_body
        self.server_state = self.state_wait_for_response_headers

    def taken(self, data: bytes) -> Iterable[bytes]:
        """What is passed on of a piece of the body that has come."""
        self.body_begun = True
        stream = self.flow.request.stream
        passed = stream(data) if callable(stream) else (data,)
        return (passed,) if isinstance(passed, bytes) else passed

    def note_sent(self, event: _Sent) -> None:
        """A piece of the body, or what comes behind it, has left for the server."""
        if self._sent is None:
            return
        self._room -= len(event.data) if isinstance(event, RequestData) else 0
        if self._room < 0:
            self._sent = None
        else:
            self._sent.append(event)

    def _is_stale(self, event: Unanswered) -> bool:
        """Whether a kept connection was closed under a request that may be sent again. It happens once at most."""
        exchange = exchange_of(self.flow)
        if not self.on_kept or self.wants_fresh or exchange is None or exchange.ended or exchange.outcome is not None:
            return False
        is_lost = self.body_begun and self._sent is None
        failure = Failure.NOT_REACHED if isinstance(event, Unseen) else Failure.BROKEN_OFF
        return not is_lost and is_repeatable(failure, self.flow.request.method, body_begun=is_lost)

    def _ask_afresh(self) -> Generator[commands.Command]:
        """Send all that was sent before, on another connection to the same server."""
        sent = self._sent
        if not sent:
            yield from self._ask_again()
        elif (yield from self.make_server_connection()):
            yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, end_stream=False), self.context.server)
            for each in sent:
                yield SendHttp(each, self.context.server)

    def leave_overloaded(self, head: ResponseHeaders) -> CommandGenerator[bool]:
        """Whether another server was asked in place of one that answered that it cannot now.

        Its answer may have come to its end meanwhile; then its connection is free, and may be another stream's by now.
        """
        self._is_answered = head.end_stream
        if not (yield from self._turn_elsewhere(Failure.OVERLOADED)):
            return False
        if self.body_follows or not self._is_answered:
            given_up = RequestProtocolError(self.stream_id, "another server is asked", ErrorCode.CANCEL)
            yield SendHttp(given_up, self.context.server)
        yield from self._ask_again()
        return True

    def _turn_elsewhere(self, failure: Failure) -> CommandGenerator[bool]:
        """Whether the request leads to another server now. Requests without a place at one of several never do."""
        exchange = exchange_of(self.flow)
        if exchange is None or exchange.place is None:
            return False
        attempted = Attempted(self.flow, failure, self.body_begun)
        yield UpstreamFailedHook(attempted)
        if attempted.again:
            waiting = tuple(self._paused_event_queue)
            self._is_answered |= any(isinstance(each, ResponseEndOfMessage | ResponseProtocolError) for each in waiting)
            self._paused_event_queue.clear()
            self._paused_event_queue.extend(each for each in waiting if not isinstance(each, _ANSWERS))
        return attempted.again

    def _ask_again(self) -> Generator[commands.Command]:
        if self.body_follows:
            yield from self.start_request_stream()
        elif (yield from self.make_server_connection()):
            yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, end_stream=True), self.context.server)
            yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)
