from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.logs.stream import Stream
from tests.e2e.commands import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for each in (read, write):
        try:
            os.close(each)
        except OSError:
            continue


def fill(descriptor: int) -> int:
    """Write until nothing more is taken; how much that was."""
    os.set_blocking(descriptor, False)
    written = 0
    try:
        while True:
            written += os.write(descriptor, b"." * 4096)
    except BlockingIOError:
        return written


def test_lines_come_out_whole_and_in_their_order(pipe: tuple[int, int]) -> None:
    stream = Stream(pipe[1])
    for number in range(50):
        stream.put(f"line {number} ü\n")
    stream.close()

    assert os.read(pipe[0], 65_536).decode() == "".join(f"line {number} ü\n" for number in range(50))
    assert stream.dropped == 0


@pytest.mark.parametrize("waits", ["when it is full", "never"])
def test_a_full_pipe_keeps_nobody_waiting_and_what_is_too_much_is_dropped(waits: str, pipe: tuple[int, int]) -> None:
    size = fill(pipe[1])
    os.set_blocking(pipe[1], waits != "never")
    stream = Stream(pipe[1], most=10)
    for number in range(30):
        stream.put(f"line {number}\n")

    assert 19 <= stream.dropped <= 20
    assert len(os.read(pipe[0], size)) > 0
    until(lambda: b"line 0\n" in os.read(pipe[0], 65_536), "it never went on")
    stream.close()


def test_a_pipe_that_nobody_reads_any_more_loses_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    stream = Stream(pipe[1])
    os.close(pipe[0])
    stream.put("lost\n")
    stream.put("lost, too\n")
    stream.close()

    assert stream.dropped == 2


def test_a_closed_descriptor_loses_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    os.close(pipe[1])
    stream = Stream(pipe[1])
    stream.put("lost\n")
    stream.close()

    assert stream.dropped == 1


def test_the_end_waits_a_bounded_time_for_a_full_pipe(pipe: tuple[int, int]) -> None:
    fill(pipe[1])
    os.set_blocking(pipe[1], True)
    stream = Stream(pipe[1])
    stream.put("never\n")
    stream.close(patience=0.01)

    stream.put("after the end\n")
    assert stream.dropped == 1
    assert any(thread.name == "operator-log" and thread.daemon for thread in threading.enumerate())
    os.read(pipe[0], 1 << 20)
