"""Towards an origin on HTTP/1, as any other side; it takes a whole request at a time. See `addons.http1.straight`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, override

from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events

from addons.http1.arriving import Stated
from addons.http1.origin_side import OriginSide
from addons.judging.remembered import KnownAnswer, Recall

if TYPE_CHECKING:
    from mitmproxy.http import Request, Response
    from mitmproxy.proxy.context import Context

    from addons.connections.bounds import Bounds
    from addons.http1.client_side import Commands
    from addons.http2.taps import Taps

type Todo = Iterable[commands.Command]
"""What is to be done, in this order; some of it is found out on the way."""
type Offer = Callable[[events.DataReceived], Todo | None]


class Done(commands.Command):
    """What is to be done about an answer that came through TLS: handed up to the layer that has the streams."""

    def __init__(self, done: Todo) -> None:
        self.done: Final = done


class QuickOriginSide(OriginSide):
    """Towards an origin, as any other; it takes a whole request at a time.

    What comes through TLS is offered to the straight way here, where it can be read.
    """

    def __init__(self, context: Context, bounds: Bounds, taps: Taps | None, offer: Offer) -> None:
        super().__init__(context, bounds, taps)
        self._offer: Final = offer
        self.recall: Final[Recall[KnownAnswer]] = Recall()

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        done = self._offer(event) if type(event) is events.DataReceived and self.conn.tls else None
        if done is None:
            yield from super()._handle_event(event)
        else:
            yield Done(done)

    def begin(self, stream_id: int, request: Request, *, is_whole: bool = True) -> bytes:
        """Begin an exchange with a request that is whole by its head, or not; its head, to be sent."""
        self.stream_id, self.request, self.request_done = stream_id, request, is_whole
        self._interim, self._trailers = 0, ()
        head: bytes = http1.assemble_request_head(request)  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        return head

    def begin_body(self, response: Response, size: int) -> None:
        """The head of an answer has come, and `size` bytes of its body have not."""
        self.response, self.body_reader, self.state = response, Stated(size), self.read_body

    def end(self) -> None:
        """The answer has come, whole, and the connection stays."""
        self.stream_id = self.request = self.response = None
        self.request_done = False
        self.state = self.read_headers
