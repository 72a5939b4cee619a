"""The straight way of an exchange that is like most: a request that says its length, and an answer that says its end.

mitmproxy passes every word of an exchange through a tree of generators, some 1,500 calls for the shortest one. Here
each step from one hook to the next is done in one go. A step is taken only from a state in which the long way stands
too, and leaves the state that the long way would have left: so each next event may go either way, and whatever is
unusual (an error, a client that leaves, a connection that has to be opened) goes the long one. The
same functions read heads, check them, and write them; the same hooks are asked in the same order. A hook that is done
at once is followed by the next step at once; where it waits, or fails, the stream waits for it as any other does.

Only streams that have the client's connection for themselves come here. Measured: a request costs a quarter less
processor time (`tests/bench/bench_reverse.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain
from time import time
from typing import TYPE_CHECKING, Final

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
)
from mitmproxy.proxy.layers.http._hooks import (
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)

from addons.connections.phases import Enter, Phase
from addons.http1.arriving import Stated, arrived, passed_on, remember
from addons.http1.client_side import ClientSide
from addons.http1.posting import Posting
from addons.http1.quick_origin import QuickOriginSide
from addons.http1.usual import usual_request
from addons.judging.exchange import Cut as CutBody
from addons.judging.exchange import content_instead
from addons.judging.remembered import KnownRequest, Recall
from addons.streams.stream import GatewayStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mitmproxy.http import Request, Response
    from mitmproxy.proxy.layer import Layer

    from addons.connections.bounds import Bounds
    from addons.connections.phases import Ask
    from addons.http1.arriving import Arrived
    from addons.http1.client_side import Commands
    from addons.http1.quick_origin import Todo
    from addons.streams.layer import GatewayHttpLayer
    from addons.streams.upstreams import Pool

type Step = Callable[..., Todo | None]
"""Takes a stream, and what came behind the hook that was asked; None if it is not taken."""

_SWITCHING: Final = 101
_END: Final = b"\r\n\r\n"


@dataclass
class _ResumeHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """What a stream is made to wait for, so that it can be let go on with something else. Nobody is ever asked."""


class Straight:
    """The straight way through one layer, which has one exchange at a time. `pool` holds its upstream connections.

    `ask` asks a hook at once; without it every hook is yielded, and the way goes on when it was answered.
    """

    def __init__(self, layer: GatewayHttpLayer, pool: Pool, bounds: Bounds, ask: Ask | None = None) -> None:
        self._layer: Final = layer
        self._client: Final = layer.context.client
        self._pool: Final = pool
        self._bounds: Final = bounds
        self._ask_at_once: Final = ask
        self._recall: Final[Recall[KnownRequest]] = Recall()
        self._posting: Final = Posting(layer, pool, self._ask, self._long_way)
        self._steps: Final[dict[type, Step]] = {
            HttpRequestHeadersHook: self._head_judged,
            HttpRequestHook: self._request_whole,
            HttpResponseHeadersHook: self._answer_judged,
            HttpResponseHook: self._answer_whole,
        }

    def take(self, event: events.Event) -> Todo | None:
        """What is to be done about an event; None if that has to go the long way, of which nothing was done then."""
        if type(event) is events.DataReceived:
            if event.connection is self._client:
                return self._asked(event.data)
            return None if event.connection.tls else self.answered(event)
        if type(event) is events.HookCompleted:
            step = self._steps.get(type(event.command))
            stream = self._layer.command_sources.get(event.command)
            if step is None or not isinstance(stream, GatewayStream) or not stream.is_straight:
                return None
            is_right = stream.waits_for is event.command and stream.flow.error is None and not stream.body_follows
            return step(stream, *stream.queued) if is_right else None
        return None

    def _asked(self, data: bytes) -> Todo | None:
        """A request has come, or more of its body."""
        side = self._layer.connections.get(self._client)
        if type(side) is not ClientSide or side.buf:
            return None
        if side.state == side.read_body:
            return self._posting.more(side, data)
        if self._layer.streams or side.state != side.read_headers:
            return None
        size = data.find(_END) + len(_END)
        found = self._read(data[:size], len(data) - size)
        if found is None:
            return None
        request, length = found
        stream = self._layer.new_stream(side.stream_id)
        stream.is_straight = True
        stream.client_state = stream.state_wait_for_request_headers
        stream.receive(request, body_follows=length > 0)
        stream.aim()
        side.request = request
        if length:
            return self._posting.begin(stream, side, length, data[size:])
        side.request_done, side.state = True, side.wait
        end = RequestEndOfMessage(side.stream_id)
        return chain((Enter(Phase.EXCHANGE),), self._ask(stream, HttpRequestHeadersHook, stream.after_judging, end))

    def _read(self, head: bytes, came: int) -> tuple[Request, int] | None:
        """The request of this head, and the length of its body, of which no more than that `came`."""
        known = self._recall.find(head)
        if known is not None:
            return (known.again(), known.length) if came <= known.length else None
        found = usual_request(head, self._bounds.head, self._layer.mode)
        if found is None or came > found[1]:
            return None
        if self._recall.came_before(head):
            self._recall.keep(KnownRequest(head, *found))
        return found

    def _head_judged(self, stream: GatewayStream, *came: events.Event) -> Todo | None:
        if stream.body_follows:
            return self._posting.head_judged(stream)
        if not _are(came, RequestEndOfMessage):
            return None
        if stream.flow.response is not None:
            return self._refused(stream, stream.flow.response, came)
        self._go_on(stream)
        stream.server_state = stream.state_wait_for_response_headers
        stream.take_nothing()
        return self._ask(stream, HttpRequestHook, lambda: _behind_hook(stream.state_consume_request_body(*came)))

    def _refused(self, stream: GatewayStream, answer: Response, came: Sequence[events.Event]) -> Todo | None:
        """A request is answered by the gateway itself."""
        if "transfer-encoding" in answer.headers:
            return None
        self._go_on(stream)
        stream.client_state = stream.server_state = stream.state_errored
        return self._ask(stream, HttpResponseHook, lambda: _behind_hook(stream.after_judging()), *came)

    def _refusal_whole(self, stream: GatewayStream, answer: Response, side: ClientSide) -> Todo:
        self._go_on(stream)
        stream.flow.live = False
        body = (answer.raw_content or b"") if stream.flow.request.method != "HEAD" else b""
        del self._layer.streams[stream.stream_id]
        return chain((commands.SendData(self._client, side.begin_answer(answer) + body),), self._ended(side, answer))

    def _request_whole(self, stream: GatewayStream, *came: events.Event) -> Todo | None:
        """The request may leave, if there is a connection for it."""
        flow = stream.flow
        if stream.body_follows:
            return self._posting.whole(stream)
        if flow.response is not None or flow.request.data.content or flow.request.data.trailers or came:
            return None
        server = self._pool.standing(stream)
        if server is None:
            return None
        self._go_on(stream)
        stream.context.server = flow.server_conn = server
        stream.on_kept = True
        side = self._pool.sides[server]
        if type(side) is QuickOriginSide and not server.tls:
            return [commands.SendData(server, side.begin(stream.stream_id, flow.request))]
        return self._ask_through_tls(self._layer.connections[server], stream)

    def _ask_through_tls(self, side: Layer, stream: GatewayStream) -> Todo:
        """What is said upstream has to be sealed by the layer that is between."""
        head = RequestHeaders(stream.stream_id, stream.flow.request, end_stream=True)
        end = RequestEndOfMessage(stream.stream_id)
        return chain.from_iterable(self._layer.event_to_child(side, event) for event in (head, end))

    def answered(self, event: events.DataReceived) -> Todo | None:
        """An answer has come, whole."""
        side = self._pool.sides.get(event.connection)
        if type(side) is not QuickOriginSide or side.request is None or side.stream_id is None:
            return None
        stream = self._layer.streams.get(side.stream_id)
        if not isinstance(stream, GatewayStream) or not stream.is_straight or stream.waits_for is not None:
            return None
        if side.buf or not side.request_done:
            return None
        if side.state == side.read_body:
            return self._more(event.data, side, stream)
        if side.state != side.read_headers or not stream.waits_for_answer:
            return None
        found = arrived(event.data, side.request, side.recall, self._bounds.answer_head)
        return None if found is None else self._begun(found, side.request, side, stream)

    def _begun(self, found: Arrived, request: Request, side: QuickOriginSide, stream: GatewayStream) -> Todo:
        """The head of an answer has come, perhaps with all that belongs to it."""
        if found.is_known:
            stream.flow.response = found.response
        else:
            stream.answered(found.response)
            remember(found, request, side.recall)
        came: list[events.Event] = [ResponseData(stream.stream_id, piece) for piece in found.pieces]
        if found.missing:
            side.begin_body(found.response, found.missing)
        else:
            side.end()
            came.append(ResponseEndOfMessage(stream.stream_id))
        head = ResponseHeaders(stream.stream_id, found.response, end_stream=found.is_bodiless)
        return self._ask(stream, HttpResponseHeadersHook, lambda: stream.after_answer_head(head), *came)

    def _more(self, data: bytes, side: QuickOriginSide, stream: GatewayStream) -> Todo | None:
        """More of a body has come that stated its length."""
        rest, response, client = side.body_reader, stream.flow.response, self._layer.connections.get(self._client)
        if type(rest) is not Stated or not stream.streams_answer or response is None or len(data) > rest.left:
            return None
        if type(client) is not ClientSide:
            return None
        rest.take(len(data))
        is_last = not rest.left
        if is_last:
            side.end()
        return self._pass_on(stream, response, b"", (data, b"") if is_last else (data,))

    def _answer_judged(self, stream: GatewayStream, *came: events.Event) -> Todo | None:
        response, side = stream.flow.response, self._layer.connections.get(self._client)
        if response is None or response.status_code == _SWITCHING or type(side) is not ClientSide:
            return None
        if response.headers.get("transfer-encoding", "chunked") != "chunked":
            return None
        is_last = bool(came) and type(came[-1]) is ResponseEndOfMessage
        pieces = [each.data for each in came if type(each) is ResponseData]
        if len(pieces) + is_last != len(came) or not (is_last or self._is_arriving(stream)):
            return None
        if is_last and not pieces:
            return self._bodiless(stream, response)
        self._go_on(stream)
        response.stream = response.stream or True
        stream.server_state = stream.state_stream_response_body
        return self._pass_on(stream, response, side.begin_answer(response), [*pieces, b""] if is_last else pieces)

    def _is_arriving(self, stream: GatewayStream) -> bool:
        """Whether more of an answer comes. Nothing does of one that a hook gave in place of a server's."""
        side = self._pool.sides.get(stream.context.server)
        return type(side) is QuickOriginSide and side.stream_id == stream.stream_id and side.state == side.read_body

    def _pass_on(self, stream: GatewayStream, response: Response, head: bytes, pieces: Iterable[bytes]) -> Todo:
        """Pass on pieces of an answer, and its head in front of them if that is new. The last one is empty."""
        sent, is_last = [head], False
        try:
            for piece in pieces:
                is_last = not piece
                sent += passed_on(response, piece)
        except CutBody:
            cut = self._long_way(stream, stream.cut(ErrorCode.RESPONSE_TOO_LARGE))
            return chain(self._send(b"".join(sent)), cut)
        if not is_last:
            return self._send(b"".join(sent))
        response.timestamp_end = time()
        rest = partial(_sent_behind_hook, stream)
        return chain(self._send(b"".join(sent)), self._ask(stream, HttpResponseHook, rest))

    def _send(self, data: bytes) -> Sequence[commands.Command]:
        return (commands.SendData(self._client, data),) if data else ()

    def _bodiless(self, stream: GatewayStream, response: Response) -> Todo | None:
        """An answer without a body is sent when it was seen to its end; the client may get content of ours with it."""
        if "transfer-encoding" in response.headers:
            return None
        self._go_on(stream)
        stream.server_state = stream.state_consume_response_body
        response.data.content = content_instead(stream.flow)
        response.timestamp_end = time()
        return self._ask(stream, HttpResponseHook, lambda: _behind_hook(stream.send_response()))

    def _answer_whole(self, stream: GatewayStream, *came: events.Event) -> Todo | None:
        flow, side = stream.flow, self._layer.connections.get(self._client)
        if type(side) is not ClientSide or side.buf or flow.websocket is not None:
            return None
        if flow.response is None or flow.response.data.trailers:
            return None
        if stream.is_refused:
            return self._refusal_whole(stream, flow.response, side) if _are(came, RequestEndOfMessage) else None
        if came or not (stream.streams_answer or stream.keeps_answer):
            return None
        self._go_on(stream)
        if stream.keeps_answer:
            sent = self._send(side.begin_answer(flow.response) + (flow.response.raw_content or b""))
        else:
            sent = ()
        stream.server_state = stream.state_done
        flow.live = False
        del self._layer.streams[stream.stream_id]
        return chain(sent, self._ended(side, flow.response)) if sent else self._ended(side, flow.response)

    def _ended(self, side: ClientSide, answer: Response) -> Todo:
        """The client has its answer, whole."""
        if not _leaves_open(answer):
            return side.send(ResponseEndOfMessage(side.stream_id))
        side.begin_anew()
        return [Enter(Phase.IDLE)]

    def _ask(
        self, stream: GatewayStream, kind: type[commands.StartHook], rest: Callable[[], Commands], *came: events.Event
    ) -> Todo:
        """Ask a hook, and take the step behind it. If that cannot be, now or at all, the stream goes on with `rest`.

        What `came` is worked off behind it.
        """
        hook = kind(stream.flow) if self._ask_at_once is None else self._ask_at_once(kind, stream.flow)
        if hook is None:
            done = None if stream.flow.error is not None else self._steps[kind](stream, *came)
            return self._long_way(stream, rest(), *came) if done is None else done
        stream.pause(hook, rest(), came)
        self._layer.command_sources[hook] = stream
        return (hook,)

    def _go_on(self, stream: GatewayStream) -> None:
        """The stream waits no longer, if it does."""
        if stream.waits_for is not None:
            self._layer.command_sources.pop(stream.waits_for)
            stream.go_on()

    def _long_way(self, stream: GatewayStream, rest: Commands, *came: events.Event) -> Todo:
        """Let the stream go on with `rest`, as if it had come to it the long way."""
        resume = _ResumeHook()  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
        stream.pause(resume, rest, came)
        return self._layer.event_to_child(stream, events.HookCompleted(resume))


def _behind_hook(rest: Commands) -> Commands:
    """What is left to do once the hook was asked that `rest` begins with."""
    next(rest)
    return rest


def _sent_behind_hook(stream: GatewayStream) -> Commands:
    return _behind_hook(stream.send_response(already_streamed=True))


def _are(queued: Iterable[events.Event], *kinds: type) -> bool:
    return [type(each) for each in queued] == list(kinds)


def _leaves_open(response: Response) -> bool:
    """Whether the next request may follow without a question: a length, and no word of the connection."""
    names = {name.lower() for name, _ in response.headers.fields}
    return b"content-length" in names and b"connection" not in names and response.data.http_version == b"HTTP/1.1"
