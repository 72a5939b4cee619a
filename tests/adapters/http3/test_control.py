from __future__ import annotations

import pytest

from addons.http3.control import Control
from addons.http3.frames import Code, Kind, Wrong, write_frame, write_integer

SETTINGS = b"\x00" + write_frame(Kind.SETTINGS, b"\x06\x10")


class Ears:
    def __init__(self) -> None:
        self.idle: list[str] = []
        self.stopped: list[int] = []
        self.control = Control(self.idle.append, self.stopped.append)


@pytest.fixture
def ears() -> Ears:
    return Ears()


def test_what_clients_say_first_is_taken_however_it_is_cut(ears: Ears) -> None:
    for at in range(len(SETTINGS)):
        ears.control.receive(2, SETTINGS[at : at + 1], is_end=False)
    ears.control.receive(6, b"\x02\x20", is_end=False)
    ears.control.receive(10, b"\x03\x40", is_end=False)

    assert (ears.idle, ears.stopped) == ([], [])


def test_a_stream_of_a_kind_that_nobody_knows_is_stopped_and_counted(ears: Ears) -> None:
    ears.control.receive(2, b"\x40\x54", is_end=False)
    ears.control.receive(2, b"whatever", is_end=True)
    ears.control.reset(2)

    assert (len(ears.idle), ears.stopped) == (1, [2])


def test_frames_that_ask_for_nothing_are_counted(ears: Ears) -> None:
    ears.control.receive(2, SETTINGS, is_end=False)
    ears.control.receive(2, write_frame(Kind.MAX_PUSH_ID, b"\x01") + write_frame(0x21, b"grease"), is_end=False)

    assert len(ears.idle) == 2


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (Code.QPACK_ENCODER_STREAM_ERROR, b"\x02\x21"),
        (Code.QPACK_ENCODER_STREAM_ERROR, b"\x02\x00"),
        (Code.QPACK_DECODER_STREAM_ERROR, b"\x03\x01"),
        (Code.STREAM_CREATION_ERROR, b"\x01"),
        (Code.MISSING_SETTINGS, b"\x00" + write_frame(Kind.GOAWAY, b"\x00")),
        (Code.EXCESSIVE_LOAD, b"\x00" + write_integer(Kind.SETTINGS) + write_integer(5000)),
    ],
)
def test_what_may_not_be_said_ends_the_connection(code: Code, said: bytes, ears: Ears) -> None:
    with pytest.raises(Wrong) as wrong:
        ears.control.receive(2, said, is_end=False)

    assert wrong.value.own is code


@pytest.mark.parametrize("kind", [b"\x00", b"\x02", b"\x03"])
def test_streams_that_must_not_end_must_not_be_reset_either(kind: bytes, ears: Ears) -> None:
    ears.control.receive(2, kind, is_end=False)

    with pytest.raises(Wrong) as wrong:
        ears.control.reset(2)
    assert wrong.value.own is Code.CLOSED_CRITICAL_STREAM
