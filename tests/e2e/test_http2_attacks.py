"""What HTTP/2 forbids, and what it allows too much of: refused, recorded, and no origin hears of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from addons.connections.bounds import Bounds, Patience
from tests.e2e.commands import until
from tests.e2e.h2stage import HOST, Stage, staged
from tests.e2e.h2wire import Fields, Talk, asking, block
from tests.e2e.hostile_heads import HEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    bounds = Bounds(head=8192, patience=Patience(head=0.4, exchange=3.0))
    with staged(tmp_path_factory.mktemp("attacks"), bounds=bounds) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


def _reasons_from(stage: Stage, start: int, wanted: int) -> list[tuple[object, ...]]:
    until(lambda: len(stage.reasons()) >= start + wanted, "the record never came")
    return stage.reasons()[start:]


def _ended(stage: Stage) -> list[object]:
    return [each["reason"] for each in stage.gateway.records() if each["event"] == "end"]


@pytest.mark.parametrize(("why", "head", "status", "reason"), HEADS, ids=[each[0] for each in HEADS])
def test_a_head_that_may_not_be_ends_its_stream_and_no_other(
    why: str, head: Callable[[str], Fields], status: int, reason: str, stage: Stage
) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        refused = talk.whole(talk.head(head(stage.host())))
        after = talk.whole(talk.head(asking(stage.host(), "/after")))

    assert (why, refused.status, json.loads(refused.body)["reason"]) == (why, status, reason)
    assert refused.get("wicketgate-decision") is not None
    assert refused.get("connection") is None
    assert after.status == 200
    assert _reasons_from(stage, start, 2) == [("deny", reason), ("allow", "allowed-by-default")]
    assert [bytes(visit.data).count(b"HTTP/1.1\r\n") for visit in stage.h1.visits] == [1]
    assert talk.goaway is None


@pytest.mark.parametrize("end", [False, True])
def test_a_body_that_is_longer_than_its_length_reaches_no_origin_whole(stage: Stage, *, end: bool) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", ("content-length", "5"), method="POST"), end=False)
        talk.data(number, b"12345")
        until(lambda: any(b"1234" in visit.data for visit in stage.h1.visits), "the body never came")
        talk.data(number, b"GET /smuggled HTTP/1.1\r\n\r\n", end=end)
        broken = talk.whole(number)
        after = talk.whole(talk.head(asking(stage.host(), "/after")))

    assert (broken.status, broken.reset) == (0, ErrorCodes.PROTOCOL_ERROR)
    assert after.status == 200
    until(lambda: "malformed-request" in _ended(stage), "the record never came")
    assert _reasons_from(stage, start, 2) == [("allow", "allowed-by-default")] * 2
    first = bytes(stage.h1.visits[0].data)
    assert first.partition(b"\r\n\r\n")[2] == b"1234"
    assert b"smuggled" not in b"".join(bytes(visit.data) for visit in stage.h1.visits)


def test_a_body_that_is_shorter_than_its_length_reaches_no_origin_whole(stage: Stage) -> None:
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", ("content-length", "9"), method="POST"), end=False)
        talk.data(number, b"12345")
        until(lambda: any(b"12345" in visit.data for visit in stage.h1.visits), "the body never came")
        talk.data(number, b"", end=True)
        broken = talk.whole(number)

    assert broken.reset == ErrorCodes.PROTOCOL_ERROR
    until(lambda: all(visit.closed.is_set() for visit in stage.h1.visits), "the origin was left waiting")
    assert b"".join(bytes(visit.data).partition(b"\r\n\r\n")[2] for visit in stage.h1.visits) == b"12345"


def test_a_body_without_a_length_is_chunked_and_holds_no_second_request(stage: Stage) -> None:
    body = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", method="POST"), end=False)
        talk.data(number, body, end=True)
        answer = talk.whole(number)

    assert answer.status == 200
    head, _, rest = bytes(stage.h1.visits[0].data).partition(b"\r\n\r\n")
    assert b"\r\ntransfer-encoding: chunked" in head
    assert rest == b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def test_a_stream_that_is_given_up_is_no_whole_request(stage: Stage) -> None:
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", method="POST"), end=False)
        talk.data(number, b"half")
        until(lambda: any(b"half" in visit.data for visit in stage.h1.visits), "the body never came")
        talk.h2.reset_stream(number, ErrorCodes.CANCEL)
        talk.flush()
        until(lambda: all(visit.closed.is_set() for visit in stage.h1.visits), "the origin was left waiting")
        after = talk.whole(talk.head(asking(stage.host(), "/after")))

    assert after.status == 200
    assert stage.h1.visits[0].data.endswith(b"4\r\nhalf\r\n")
    assert "upstream-broken" not in _ended(stage)


def _ping(_: Talk, __: int) -> Frame:
    return PingFrame(0, b"12345678")


def _settings(_: Talk, __: int) -> Frame:
    return SettingsFrame(0)


def _priority(_: Talk, turn: int) -> Frame:
    return PriorityFrame(2 * turn + 101, depends_on=0)


def _empty(_: Talk, __: int) -> Frame:
    return DataFrame(1, b"")


def _window(_: Talk, __: int) -> Frame:
    return WindowUpdateFrame(0, window_increment=1)


def _ack(_: Talk, __: int) -> Frame:
    return SettingsFrame(0, flags=["ACK"])


@pytest.mark.parametrize("frame", [_ping, _settings, _ack, _priority, _empty, _window])
def test_a_flood_of_frames_that_ask_for_nothing_is_calmed(frame: Callable[[Talk, int], Frame], stage: Stage) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        talk.head(asking(stage.host(), "/up", method="POST"), end=False)
        talk.raw(*(frame(talk, turn) for turn in range(3000)))
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] == ErrorCodes.ENHANCE_YOUR_CALM
    until(lambda: ("deny", "capacity") in stage.reasons()[start:], "the record never came")


def test_a_rapid_reset_is_calmed_before_it_costs_an_origin_much(stage: Stage) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        packed = talk.h2.encoder.encode(asking(stage.host(), "/refused"))
        frames: list[Frame] = []
        for number in range(1, 4001, 2):
            frames += [block(number, packed, "END_HEADERS", "END_STREAM"), RstStreamFrame(number, error_code=8)]
        talk.raw(*frames)
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] == ErrorCodes.ENHANCE_YOUR_CALM
    assert stage.h1.visits == []
    assert len(_reasons_from(stage, start, 1)) < 500


def test_resets_of_a_stream_that_is_over_are_calmed(stage: Stage) -> None:
    with stage.talk() as talk:
        talk.head(asking(stage.host(), "/refused"))
        talk.raw(*(RstStreamFrame(1, error_code=8) for _ in range(3000)))
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] == ErrorCodes.ENHANCE_YOUR_CALM


def test_resets_that_a_client_provokes_count_like_its_own(stage: Stage) -> None:
    with stage.talk() as talk:
        packed = talk.h2.encoder.encode(asking(stage.host(), "/refused", ("content-length", "1"), method="POST"))
        frames: list[Frame] = []
        for number in range(1, 2001, 2):
            frames += [block(number, packed, "END_HEADERS"), DataFrame(number, b"xx")]
        talk.raw(*frames)
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] in {ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR}
    assert stage.h1.visits == []


def test_a_head_of_many_small_continuations_is_cut_off(stage: Stage) -> None:
    with stage.talk() as talk:
        first = HeadersFrame(1, data=b"")
        talk.raw(first, *(ContinuationFrame(1, data=b"") for _ in range(1000)))
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] in {ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR}


def test_a_packed_head_that_unpacks_to_much_is_cut_off(stage: Stage) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        packed = talk.h2.encoder.encode([("x-bomb", "y" * 3000)])
        packed += talk.h2.encoder.encode([("x-bomb", "y" * 3000)]) * 1000
        talk.raw(block(1, packed, "END_HEADERS", "END_STREAM"))
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] == ErrorCodes.ENHANCE_YOUR_CALM
    assert ("deny", "capacity") in _reasons_from(stage, start, 1)


def test_a_head_that_does_not_end_is_not_waited_for(stage: Stage) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        talk.whole(talk.head(asking(stage.host(), "/refused")))
        talk.raw(block(3, talk.h2.encoder.encode(asking(stage.host()))))
        talk.to_the_end()

    assert talk.goaway is not None
    assert _reasons_from(stage, start, 2)[1:] == [("deny", "head-timeout")]


def test_half_a_frame_is_not_waited_for(stage: Stage) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        talk.raw(b"\x00\x00\x08\x06")
        talk.to_the_end()

    assert talk.goaway is not None
    assert _reasons_from(stage, start, 1) == [("deny", "head-timeout")]


BROKEN: list[tuple[str, Callable[[Talk], list[Frame | bytes]]]] = [
    ("a frame that is too large", lambda _: [b"\x00\x40\x01\x00\x00\x00\x00\x00\x01" + b"x" * 16385]),
    ("a body of a stream that is none", lambda _: [DataFrame(1, b"x")]),
    ("an even stream", lambda talk: [block(2, talk.h2.encoder.encode(asking(HOST)), "END_HEADERS")]),
    ("a continuation of nothing", lambda _: [ContinuationFrame(1, data=b"x")]),
    ("a head inside a head", lambda _: [HeadersFrame(1, data=b""), PingFrame(0, b"12345678")]),
    ("a head that cannot be unpacked", lambda _: [block(1, b"\xff\xff\xff\xff\xff", "END_HEADERS")]),
    ("a window that is too large", lambda _: [WindowUpdateFrame(0, window_increment=2**31 - 1)]),
    ("no HTTP/2", lambda _: [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]),
]


@pytest.mark.parametrize(("why", "frames"), BROKEN, ids=[each[0] for each in BROKEN])
def test_a_connection_that_breaks_the_protocol_ends_and_is_recorded(
    why: str, frames: Callable[[Talk], list[Frame | bytes]], stage: Stage
) -> None:
    start = len(stage.reasons())
    with stage.talk() as talk:
        talk.raw(*frames(talk))
        talk.to_the_end()

    assert (why, _reasons_from(stage, start, 1)) == (why, [("deny", "malformed-request")])
    assert talk.goaway is not None
    assert talk.goaway[1] not in {ErrorCodes.NO_ERROR, ErrorCodes.ENHANCE_YOUR_CALM}
    assert stage.h1.visits == []


def test_more_streams_at_once_than_were_agreed_end_the_connection(stage: Stage) -> None:
    with stage.talk() as talk:
        packed = talk.h2.encoder.encode(asking(stage.host(), "/up", method="POST"))
        talk.raw(*(block(number, packed, "END_HEADERS") for number in range(1, 221, 2)))
        talk.to_the_end()

    assert talk.goaway is not None
    assert talk.goaway[1] == ErrorCodes.PROTOCOL_ERROR


def test_the_settings_say_what_is_taken_and_offer_no_extended_connect(stage: Stage) -> None:
    with stage.talk() as talk:
        talk.whole(talk.head(asking(stage.host())))
        said = talk.h2.remote_settings

    assert (said.max_concurrent_streams, said.max_header_list_size) == (100, 8192)
    assert (said.enable_push, said.enable_connect_protocol) == (0, 0)
