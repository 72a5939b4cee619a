from __future__ import annotations

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame, PingFrame

from addons.http2.frames import PREFACE, Broken, FrameCutter, Kind, goaway


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
