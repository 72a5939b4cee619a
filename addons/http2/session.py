"""One HTTP/2 connection: frames in, HTTP events out, and back, with hyper-h2 for the rules of the protocol.

A window is given back when what came through it could be passed on, and not before. What goes out waits in its stream
while the peer's window is shut, and whoever it comes from waits too: see `taps`.

Source: RFC 9113 section 5.2 (flow control), section 5.4 (errors), section 6.8 (GOAWAY).
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

from h2 import events as h2_events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.http._base import HttpConnection, HttpEvent, ReceiveHttp

from addons.http2.bodies import Lane, Mismatch
from addons.http2.frames import PREFACE, Broken, Frame, FrameCutter, Kind, Run, goaway, joined, runs
from addons.http2.taps import Taps, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy.connection import Connection
    from mitmproxy.proxy.context import Context

    from addons.http1.client_side import Commands

_UNPACKED: Final = 2
"""A head is read up to this many times its bound, so that one that is a little too large is refused by itself."""
_LATER: Final = 4
"""How much larger than a head its packed form may be, with its continuations."""
_DEFAULT_WINDOW: Final = 65_535


@dataclass(frozen=True, slots=True)
class Windows:
    """How much a peer may send ahead, in bytes: on one stream, on the connection; and how many streams at once."""

    stream: int = 128 * 1024
    connection: int = 4 * 1024 * 1024
    streams: int = 100


class TapTurned(events.Event):
    """A stream has to wait, or has not to wait any more, for whoever takes its body."""

    def __init__(self, number: int, *, is_shut: bool) -> None:
        self.number: Final = number
        self.is_shut: Final = is_shut


class Session(HttpConnection):
    """What both sides have in common. `way` is the direction of what is sent here, `head` bounds a received head."""

    way: Way

    def __init__(self, context: Context, conn: Connection, taps: Taps, windows: Windows, head: int) -> None:
        super().__init__(context, conn)
        self.lanes: Final[dict[int, Lane]] = {}
        self.taps: Final = taps
        self.is_leaving = False
        self.is_over = False
        self._windows: Final = windows
        self._cutter: Final = FrameCutter(b"" if self.way is Way.UP else PREFACE, _LATER * head)
        self.h2: Final[Any] = self.make_h2(head)
        self._acts: Final[Mapping[type, Callable[[Any], Commands]]] = self.acts()

    def make_h2(self, head: int) -> Any:
        """What knows the rules of the protocol; `head` bounds the heads that it reads, in bytes."""
        h2 = H2Connection(
            H2Configuration(
                client_side=self.way is Way.UP,
                header_encoding=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        h2._frame_dispatch_table[Run] = h2._receive_data_frame  # noqa: SLF001 - kinds of frames are not asked for
        self._settle(h2, head)
        return h2

    def _settle(self, h2: H2Connection, head: int) -> None:
        """Say what we take. hyper-h2 believes its own settings only once they are acknowledged."""
        settings = h2.local_settings
        settings.initial_window_size = self._windows.stream
        settings.max_concurrent_streams = self._windows.streams
        settings.max_header_list_size = head
        settings.enable_push = 0
        settings.acknowledge()
        h2.decoder.max_header_list_size = _UNPACKED * head + 32 * 200

    def acts(self) -> dict[type, Callable[[Any], Commands]]:
        """What is done about the events of hyper-h2; the others are of no interest."""
        return {
            h2_events.DataReceived: self._data,
            h2_events.StreamEnded: self._ended,
            h2_events.StreamReset: self._reset,
            h2_events.TrailersReceived: self._trailers,
            h2_events.WindowUpdated: self._window,
            h2_events.RemoteSettingsChanged: self.settled,
        }

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            yield from self.start()
        elif self.is_over:
            return
        elif isinstance(event, HttpEvent):
            yield from self.send(event)
        elif isinstance(event, events.DataReceived):
            yield from self._receive(event.data)
        elif isinstance(event, events.ConnectionClosed):
            yield from self._finish("the connection was closed")
        elif isinstance(event, TapTurned):
            yield from self._turn(event)
        elif isinstance(event, events.Wakeup):
            yield from self.woken(event)

    def start(self) -> Commands:
        """Begin to speak."""
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(self._windows.connection - _DEFAULT_WINDOW)
        if self.way is Way.DOWN:
            self.h2.receive_data(PREFACE)
        yield from self.flush()

    def _receive(self, data: bytes) -> Commands:
        try:
            for run in runs(self._cutter.cut(data)):
                yield from self._take(run)
                if self.is_over:
                    return
        except Broken as problem:
            yield from self.broken(problem)
            return
        yield from self.between(is_between=self._cutter.is_between)
        yield from self.flush()

    def _take(self, run: list[Frame]) -> Commands:
        frame = run[0]
        for each in run:
            self.see(each)
        if frame.kind == Kind.GOAWAY:
            yield from self._peer_leaves(*frame.goaway)
            return
        try:
            found = self._pieces(run) if frame.is_piece else self.h2.receive_data(frame.raw)
        except ProtocolError as problem:
            raise Broken(str(problem), ErrorCodes(problem.error_code)) from None
        except (ValueError, IndexError, AssertionError) as problem:
            raise Broken(f"unreadable: {type(problem).__name__}") from None
        for event in found:
            act = self._acts.get(type(event))
            if act is not None and not self.is_over:
                yield from act(event)

    def _pieces(self, run: list[Frame]) -> list[h2_events.Event]:
        try:
            found: list[h2_events.Event] = self.h2._receive_frame(joined(run))  # noqa: SLF001 - frames cannot be given whole
        except ProtocolError as problem:
            self.h2._terminate_connection(problem.error_code)  # noqa: SLF001 - as hyper-h2 does when it cuts frames itself
            raise
        return found

    def see(self, frame: Frame) -> None:
        """Look at a frame before anything is done with it; may raise Broken."""

    def between(self, *, is_between: bool) -> Commands:
        """Everything that came was worked off; `is_between` tells whether nothing is left half said."""
        del is_between
        yield from ()

    def _data(self, event: h2_events.DataReceived) -> Commands:
        lane = self.lanes.get(event.stream_id)
        size = event.flow_controlled_length or 0
        if lane is None:
            self._acknowledge(size, event.stream_id)
            return
        lane.owed += size
        try:
            data = lane.incoming.take(event.data or b"")
        except Mismatch as problem:
            yield from self.malformed(lane, str(problem))
            return
        if data:
            yield ReceiveHttp(self.received_data(lane, data))
        if not lane.is_shut:
            self._give_back(lane)

    def _ended(self, event: h2_events.StreamEnded) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is None or lane.incoming.has_ended:
            return
        try:
            rest = lane.incoming.end()
        except Mismatch as problem:
            yield from self.malformed(lane, str(problem))
            return
        if rest:
            yield ReceiveHttp(self.received_data(lane, rest))
        yield ReceiveHttp(self.received_end(lane))
        yield from self.tidy(lane)

    def _trailers(self, event: h2_events.TrailersReceived) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is not None:
            yield from self.trailed(lane, event)

    def _reset(self, event: h2_events.StreamReset) -> Commands:
        lane = self.lanes.get(event.stream_id)
        if lane is not None:
            yield from self.was_reset(lane, event)
            self.drop(lane)

    def _window(self, event: h2_events.WindowUpdated) -> Commands:
        if event.stream_id:
            lane = self.lanes.get(event.stream_id)
            if lane is not None:
                yield from self.push(lane)
        else:
            yield from self.push_all()

    def settled(self, _event: h2_events.RemoteSettingsChanged) -> Commands:
        """The peer said what it takes: its windows may have grown."""
        yield from self.push_all()

    def push_all(self) -> Commands:
        """Send what waits, one frame of each stream at a time, so that none has the window to itself."""
        waiting = [lane for lane in self.lanes.values() if lane.outgoing.pieces]
        while waiting:
            waiting = [lane for lane in waiting if self._push_one(lane) and lane.outgoing.pieces]
        for lane in tuple(self.lanes.values()):
            yield from self.push(lane)

    def push(self, lane: Lane) -> Commands:
        """Send what a stream has, as far as the window goes; its source waits for the rest."""
        while self._push_one(lane):
            pass
        out = lane.outgoing
        if out.pieces:
            self.taps.shut(lane.number, self.way, self)
        else:
            self.taps.open(lane.number, self.way, self)
        if out.is_ending and not out.has_ended and not out.pieces:
            out.has_ended = True
            if out.trailers is None:
                self.h2.end_stream(lane.stream_id)
            else:
                self.h2.send_headers(lane.stream_id, list(out.trailers), end_stream=True)
        yield from self.flush()
        if out.has_ended:
            yield from self.tidy(lane)

    def _push_one(self, lane: Lane) -> bool:
        out = lane.outgoing
        if not out.pieces:
            return False
        room = min(self.h2.local_flow_control_window(lane.stream_id), self.h2.max_outbound_frame_size)
        if room <= 0:
            return False
        piece = out.next(room)
        out.has_ended = out.ends_with_data
        self.h2.send_data(lane.stream_id, piece, end_stream=out.has_ended)
        self.sent_data()
        return True

    def sent_data(self) -> None:
        """A frame of data went out."""

    def flush(self) -> Commands:
        """Let hyper-h2's bytes leave."""
        data = self.h2.data_to_send()
        if data and self.conn.state & ConnectionState.CAN_WRITE:
            yield commands.SendData(self.conn, data)

    def _turn(self, event: TapTurned) -> Commands:
        for lane in self.lanes.values():
            if lane.number == event.number:
                lane.is_shut = event.is_shut
                if not lane.is_shut:
                    self._give_back(lane)
        yield from self.flush()

    def _give_back(self, lane: Lane) -> None:
        owed, lane.owed = lane.owed, 0
        self._acknowledge(owed, lane.stream_id)

    def _acknowledge(self, size: int, stream_id: int) -> None:
        if size:
            self.h2.acknowledge_received_data(size, stream_id)

    def forget_length(self, stream_id: int) -> None:
        """Count bodies ourselves: hyper-h2 would end the whole connection for one stream's wrong length."""
        vars(self.h2.streams[stream_id])["_expected_content_length"] = None

    def reset(self, lane: Lane, code: ErrorCodes) -> Commands:
        """End a stream at once."""
        if lane.stream_id in self.lanes:
            with suppress(ProtocolError):  # it may have ended by itself meanwhile
                self.h2.reset_stream(lane.stream_id, code)
            self.drop(lane)
            yield from self.flush()

    def drop(self, lane: Lane) -> None:
        """A stream is over; the window that it used belongs to the others again."""
        if self.lanes.pop(lane.stream_id, None) is not None:
            self._give_back(lane)
            self.taps.open(lane.number, self.way, self)

    def tidy(self, lane: Lane) -> Commands:
        """Forget a stream that has ended in both directions."""
        if lane.incoming.has_ended and lane.outgoing.has_ended:
            self.drop(lane)
        yield from ()

    def _peer_leaves(self, last: int, _code: int) -> Commands:
        """The peer begins no more streams, or takes none above `last`; what runs may end."""
        self.is_leaving = True
        yield from self.left_behind(last)

    def left_behind(self, last: int) -> Commands:
        """Streams above `last` will not be looked at by the peer."""
        del last
        yield from ()

    def broken(self, problem: Broken) -> Commands:
        """End the connection, and say why."""
        yield from self.flush()
        yield from self._finish(str(problem))
        if self.conn.state & ConnectionState.CAN_WRITE:
            yield from self.say_why(problem)
        yield commands.CloseConnection(self.conn)

    def say_why(self, problem: Broken) -> Commands:
        """Tell the peer why its connection ends."""
        yield commands.SendData(self.conn, goaway(self.h2.highest_inbound_stream_id, problem.code))

    def _finish(self, why: str) -> Commands:
        """Nothing more is said or heard; every stream that runs breaks."""
        self.is_over = True
        for lane in tuple(self.lanes.values()):
            self.lanes.pop(lane.stream_id)
            self.taps.open(lane.number, self.way, self)
            yield ReceiveHttp(self.received_break(lane, why))
        if self.conn.state & ConnectionState.CAN_WRITE and not self.conn.state & ConnectionState.CAN_READ:
            yield commands.CloseConnection(self.conn)

    def woken(self, event: events.Wakeup) -> Commands:
        """Time has passed."""
        del event
        yield from ()

    @abstractmethod
    def send(self, event: HttpEvent) -> Commands:
        """Say something of a stream to the peer."""

    @abstractmethod
    def malformed(self, lane: Lane, why: str) -> Commands:
        """The peer's message is none (RFC 9113 section 8.1.1): its stream ends."""

    @abstractmethod
    def trailed(self, lane: Lane, event: h2_events.TrailersReceived) -> Commands:
        """Trailers came behind a body."""

    @abstractmethod
    def was_reset(self, lane: Lane, event: h2_events.StreamReset) -> Commands:
        """The peer ended a stream, or hyper-h2 did for a mistake of the peer."""

    @abstractmethod
    def received_data(self, lane: Lane, data: bytes) -> HttpEvent:
        """A piece of a body came."""

    @abstractmethod
    def received_end(self, lane: Lane) -> HttpEvent:
        """A message is whole."""

    @abstractmethod
    def received_break(self, lane: Lane, why: str) -> HttpEvent:
        """A message will never be whole."""
