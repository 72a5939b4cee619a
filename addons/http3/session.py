"""HTTP/3 with a client: our side of HTTP/2, on another wire.

Source: RFC 9114 section 4.1 (exchanges), section 5 (the end of a connection), section 10.5 (denial of service).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, override

from h2.errors import ErrorCodes
from mitmproxy.proxy import events

from addons.connections.pacing import Share
from addons.http2.client_side import ClientSession
from addons.http2.frames import Broken
from addons.http2.requests import refused_request
from addons.http3.wire import HeadTooLarge, Malformed, Wire
from addons.judging.refusals import refusal
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioquic.quic.events import QuicEvent
    from mitmproxy.http import Response
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.layers.http._events import ResponseProtocolError

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands
    from addons.http2.taps import Taps
    from addons.http3.quic import GatewayQuic


@dataclass
class Heard(events.ConnectionEvent):
    """Something came, or was acknowledged. `fault` is what the client did wrong, if the connection ends for that.

    `is_flood` says that it was too much.
    """

    events: tuple[QuicEvent, ...]
    fault: str | None = None
    is_flood: bool = False


class Http3Session(ClientSession):
    """Reads a client's requests, many at a time."""

    protocol: Literal["h2", "h3"] = "h3"

    def __init__(
        self,
        context: Context,
        bounds: Bounds,
        taps: Taps,
        answer: Callable[[ResponseProtocolError], Response | None],
        *,
        quic: GatewayQuic,
    ) -> None:
        self._quic: Final = quic
        super().__init__(context, bounds, taps, answer)

    @override
    def make_h2(self, head: int) -> Wire:
        return Wire(self._quic, head, self.calm)

    @override
    def acts(self) -> dict[type, Callable[[Any], Commands]]:
        return super().acts() | {HeadTooLarge: self._too_large, Malformed: self._no_message}

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if not isinstance(event, Heard):
            yield from super()._handle_event(event)
        elif not self.is_over:
            yield from self._hear(event)

    @override
    def start(self) -> Commands:
        yield Share()
        yield self._leave
        self.h2.begin()

    def _hear(self, heard: Heard) -> Commands:
        if heard.fault is not None:
            code = ErrorCodes.ENHANCE_YOUR_CALM if heard.is_flood else ErrorCodes.PROTOCOL_ERROR
            yield from self.broken(Broken(heard.fault, code))
            return
        try:
            for each in heard.events:
                for told in self.h2.receive(each):
                    yield from self._acts[type(told)](told)
                    if self.is_over:
                        return
            if self._quic.is_full:
                self._quic.is_full = False
                yield from self.push_all()
        except Broken as problem:
            yield from self.broken(problem)
            return
        yield from self.between(is_between=self.is_between)

    @property
    @override
    def in_head(self) -> bool:
        return bool(self.h2.in_head)

    @property
    @override
    def is_between(self) -> bool:
        return not self.in_head

    def _too_large(self, event: HeadTooLarge) -> Commands:
        if self.is_leaving:
            self.h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        request = refused_request(refusal(Reason.HEAD_TOO_LARGE), self.protocol)
        yield from self.begin(event.stream_id, request, None, has_body=not event.stream_ended)

    def _no_message(self, event: Malformed) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is not None:
            yield from self.malformed(lane, event.why)

    @override
    def forget_length(self, stream_id: int) -> None:
        """Nobody else counts bodies here."""

    @override
    def say_last(self) -> Commands:
        self.h2.leave()
        yield from ()

    @override
    def say_why(self, problem: Broken) -> Commands:
        self.h2.end(problem)
        yield from ()
