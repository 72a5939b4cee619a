from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame, PingFrame

from addons.http2.frames import PREFACE, Broken, FrameCutter, Kind, goaway, joined, runs


def _head(data: bytes, *, end: bool) -> HeadersFrame:
    frame = HeadersFrame(1, data=data)
    if end:
        frame.flags.add("END_HEADERS")
    return frame


def test_frames_are_cut_alike_wherever_the_packets_end() -> None:
    sent = PREFACE + b"".join(each.serialize() for each in (_head(b"abc", end=True), DataFrame(1, b"x" * 40)))

    for size in (1, 2, 7, 9, 24, len(sent)):
        cutter = FrameCutter(PREFACE, 1000)
        found = [frame for at in range(0, len(sent), size) for frame in cutter.cut(sent[at : at + size])]
        assert [(each.kind, each.stream_id, each.size) for each in found] == [(Kind.HEADERS, 1, 3), (Kind.DATA, 1, 40)]
        assert cutter.is_between


@pytest.mark.parametrize("data", [b"", PREFACE[:5], PREFACE + b"\x00", PREFACE + _head(b"a", end=False).serialize()])
def test_what_is_half_said_is_known_as_such(data: bytes) -> None:
    cutter = FrameCutter(PREFACE, 1000)
    list(cutter.cut(data))

    assert not cutter.is_between


BROKEN: list[tuple[bytes, ErrorCodes]] = [
    (b"GET / HTTP/1.1\r\n", ErrorCodes.PROTOCOL_ERROR),
    (PREFACE + b"\x00\x40\x01" + bytes(6), ErrorCodes.FRAME_SIZE_ERROR),
    (PREFACE + _head(b"a", end=False).serialize() + PingFrame(0).serialize(), ErrorCodes.PROTOCOL_ERROR),
    (PREFACE + _head(b"a" * 101, end=True).serialize(), ErrorCodes.ENHANCE_YOUR_CALM),
    (
        PREFACE + _head(b"a" * 60, end=False).serialize() + ContinuationFrame(1, data=b"a" * 60).serialize(),
        ErrorCodes.ENHANCE_YOUR_CALM,
    ),
]


@pytest.mark.parametrize(("data", "code"), BROKEN)
def test_what_breaks_the_protocol_says_with_which_code(data: bytes, code: ErrorCodes) -> None:
    with pytest.raises(Broken) as broken:
        list(FrameCutter(PREFACE, 100).cut(data))

    assert broken.value.code is code


def test_a_goaway_says_which_stream_was_the_last() -> None:
    (frame,) = FrameCutter(b"", 100).cut(goaway(7, ErrorCodes.ENHANCE_YOUR_CALM))

    assert (frame.kind, frame.goaway) == (Kind.GOAWAY, (7, ErrorCodes.ENHANCE_YOUR_CALM))


def test_a_short_goaway_is_none() -> None:
    short = Frame.parse_frame_header(memoryview(b"\x00\x00\x04\x07\x00\x00\x00\x00\x00"))[0]
    assert short.type == Kind.GOAWAY
    (frame,) = FrameCutter(b"", 100).cut(b"\x00\x00\x04\x07\x00\x00\x00\x00\x00" + bytes(4))

    with pytest.raises(Broken, match="too short"):
        assert frame.goaway


def _data(stream: int, data: bytes, *, end: bool = False, padding: int | None = None) -> bytes:
    frame = DataFrame(stream, data)
    if end:
        frame.flags.add("END_STREAM")
    if padding is not None:
        frame.flags.add("PADDED")
        frame.pad_length = padding
    return frame.serialize()


def _together(data: bytes) -> list[list[int]]:
    """The sizes of the payloads that are given to hyper-h2 at a time."""
    return [[each.size for each in run] for run in runs(FrameCutter(b"", 100).cut(data))]


RUNS = [
    ([_data(1, b"a"), _data(1, b"bc"), _data(1, b"def", end=True)], [[1, 2, 3]]),
    ([_data(1, b"a"), _data(3, b"bc"), _data(1, b"def")], [[1], [2], [3]]),
    ([_data(1, b"a", end=True), _data(1, b"bc")], [[1], [2]]),
    ([_data(1, b"a"), PingFrame(0).serialize(), _data(1, b"bc")], [[1], [8], [2]]),
    ([_data(1, b"a"), _data(1, b"b", padding=2), _data(1, b""), _data(1, b"c")], [[1], [4], [0], [1]]),
]


@pytest.mark.parametrize(("frames", "sizes"), RUNS)
def test_pieces_of_one_body_that_follow_each_other_are_one_run(frames: list[bytes], sizes: list[list[int]]) -> None:
    assert _together(b"".join(frames)) == sizes


def test_what_came_before_something_broken_is_heard_before() -> None:
    found = runs(FrameCutter(b"", 100).cut(_data(1, b"a") + b"\x00\x40\x01" + bytes(6)))

    assert [each.size for each in next(found)] == [1]
    with pytest.raises(Broken):
        next(found)


def test_a_run_is_a_frame_with_all_of_its_bytes_and_its_end() -> None:
    (run,) = runs(FrameCutter(b"", 100).cut(_data(5, b"x" * 16_000) + _data(5, b"yz", end=True)))
    whole = joined(run)

    assert (whole.stream_id, whole.data, whole.body_len) == (5, b"x" * 16_000 + b"yz", 16_002)
    assert (whole.flow_controlled_length, "END_STREAM" in whole.flags, repr(whole)) == (16_002, True, "Run")
