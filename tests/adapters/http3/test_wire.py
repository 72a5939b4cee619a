from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aioquic.quic.events import StopSendingReceived, StreamDataReceived, StreamReset
from h2 import events as h2_events
from h2.errors import ErrorCodes

from addons.http2.calm import Calm
from addons.http3.frames import Kind, write_frame
from addons.http3.wire import ROOM, HeadTooLarge, Malformed, Wire
from tests.adapters.http3.pairs import Pair, shaken
from tests.e2e.h3wire import asking, body, head

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

HEAD = 4096


class Bench:
    def __init__(self) -> None:
        self.pair: Pair = shaken()
        self.wire = Wire(self.pair.ours, HEAD, Calm(lambda: 0.0))
        self.wire.begin()

    def say(self, data: bytes, *, end: bool = False, stream: int = 0) -> list[object]:
        self.pair.client.send_stream_data(stream, data, end)
        self.pair.talk()
        heard: list[QuicEvent] = list(self.pair.heard)
        self.pair.heard.clear()
        return [told for event in heard for told in self.wire.receive(event)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_request_is_told_in_the_words_of_hyper_h2(bench: Bench) -> None:
    fields = asking("x", "/a")
    told = bench.say(head(fields), end=True)

    request, end = told
    assert isinstance(request, h2_events.RequestReceived)
    assert [*request.headers] == fields
    assert request.stream_ended is not None
    assert isinstance(end, h2_events.StreamEnded)


def test_a_body_and_trailers_are_told_behind_the_head_and_owed(bench: Bench) -> None:
    bench.say(head(asking("x", "/a", method="POST")))
    [data] = bench.say(body(b"12345"))
    trailers, end = bench.say(head([(b"a", b"b")]), end=True)

    assert isinstance(data, h2_events.DataReceived)
    assert (data.data, data.flow_controlled_length, bench.pair.ours.owed) == (b"12345", 5, {0: 5})
    assert isinstance(trailers, h2_events.TrailersReceived)
    assert isinstance(end, h2_events.StreamEnded)
    bench.wire.acknowledge_received_data(5, 0)
    assert bench.pair.ours.owed == {}


def test_a_head_that_is_too_large_is_told_without_being_read(bench: Bench) -> None:
    told = bench.say(write_frame(Kind.HEADERS, b"\xff" * (HEAD + 1)), end=True)

    assert isinstance(told[0], HeadTooLarge)


def test_trailers_that_are_too_large_are_no_message(bench: Bench) -> None:
    bench.say(head(asking("x", method="POST")))

    assert [type(each) for each in bench.say(write_frame(Kind.HEADERS, bytes(HEAD + 1)))] == [Malformed]


@pytest.mark.parametrize("event", [StreamReset(0, 0), StopSendingReceived(0, 0)], ids=["reset", "stop"])
def test_a_client_that_breaks_off_is_told_once(event: QuicEvent, bench: Bench) -> None:
    bench.say(head(asking("x", method="POST")))
    first, again = list(bench.wire.receive(event)), list(bench.wire.receive(event))

    assert ([type(each) for each in first], again) == ([h2_events.StreamReset], [])
    assert list(bench.wire.receive(StreamDataReceived(b"x", end_stream=False, stream_id=0))) == []


def test_a_head_that_is_not_whole_is_known(bench: Bench) -> None:
    bench.say(head(asking("x"))[:5])
    assert bench.wire.in_head

    bench.say(head(asking("x"))[5:])
    assert not bench.wire.in_head


def test_there_is_room_until_much_was_not_acknowledged(bench: Bench) -> None:
    bench.say(head(asking("x")), end=True)
    assert bench.wire.local_flow_control_window(0) == ROOM

    bench.wire.send_headers(0, [(b":status", b"200")])
    bench.wire.send_data(0, bytes(ROOM))
    assert bench.wire.local_flow_control_window(0) < 0
    assert bench.pair.ours.is_full


def test_what_is_said_to_a_stream_that_is_gone_is_nothing(bench: Bench) -> None:
    bench.say(head(asking("x")), end=True)
    bench.wire.reset_stream(0, ErrorCodes.CANCEL)
    bench.wire.send_headers(0, [(b":status", b"200")], end_stream=True)
    bench.wire.end_stream(0)

    assert bench.pair.ours.unsent(0) == 0
    assert bench.wire.data_to_send() == b""
