from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

import pytest

from addons.connections.reading import handed_over


@dataclass
class Reading:
    """A reader whose pieces are taken, as long as they say nothing else, and all that happens, in order."""

    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = asyncio.StreamReader()

    def _take(self, data: bytes) -> bool:
        self.said.append(f"took {len(data)}")
        return not data.startswith(b"wait")

    async def _drained(self) -> None:
        self.said.append("drained")

    async def _read(self) -> None:
        with handed_over(self.reader, self._take, self._drained):
            while data := await self.reader.read(65535):
                self.said.append(f"read {len(data)}")
        self.said.append("end")

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._read())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reader.feed_eof()
        await self.task


def test_what_comes_is_taken_in_the_moment_in_which_it_comes() -> None:
    async def come() -> list[str]:
        async with Reading() as reading:
            for piece in (b"one", b"", b"three"):
                reading.reader.feed_data(piece)
            assert reading.said == ["took 3", "took 5"]
        return reading.said

    assert asyncio.run(come()) == ["took 3", "took 5", "end"]


def test_what_comes_while_reading_waits_is_read_later() -> None:
    async def come() -> list[str]:
        async with Reading() as reading:
            reading.reader.feed_data(b"wait")
            reading.reader.feed_data(b"more")
            await asyncio.sleep(0)
            reading.reader.feed_data(b"again")
            await asyncio.sleep(0)
        return reading.said

    assert asyncio.run(come()) == ["took 4", "drained", "read 4", "took 5", "end"]


def test_a_piece_as_large_as_asyncio_reads_is_taken_in_one_turn_and_a_larger_one_in_several() -> None:
    async def come() -> list[str]:
        async with Reading() as reading:
            reading.reader.feed_data(b"x" * 262_144)
            reading.reader.feed_data(b"x" * 300_000)
            await asyncio.sleep(0)
            reading.reader.feed_data(b"small")
        return reading.said

    assert asyncio.run(come()) == ["took 262144", "read 262144", "read 37856", "took 5", "end"]


def test_what_lies_in_the_reader_is_read_at_once() -> None:
    async def come() -> list[str]:
        async with Reading() as reading:
            reading.reader.feed_data(b"wait")
            for _ in range(3):
                reading.reader.feed_data(b"x" * 50_000)
            await asyncio.sleep(0)
        return reading.said

    assert asyncio.run(come()) == ["took 4", "drained", "read 150000", "end"]


def test_a_reset_and_a_stop_reach_whoever_reads_and_leave_the_reader_as_it_was() -> None:
    async def end(reset: bool) -> set[str]:  # noqa: FBT001 - which of two ends
        reading = Reading()
        async with asyncio.timeout(5):
            task = asyncio.create_task(reading._read())  # noqa: SLF001 - it is the test's own
            await asyncio.sleep(0)
            if reset:
                reading.reader.set_exception(ConnectionResetError())
            else:
                task.cancel()
            with pytest.raises((ConnectionResetError, asyncio.CancelledError)):
                await task
        return {"read", "feed_data"} & vars(reading.reader).keys()

    assert [asyncio.run(end(reset)) for reset in (True, False)] == [set(), set()]


def test_whoever_looks_sees_that_the_next_piece_is_waited_for() -> None:
    async def looks() -> tuple[bool, bool]:
        async with Reading() as reading:
            before = getattr(reading.reader, "_waiter", None) is not None
            reading.reader.feed_data(b"wait")
            return before, getattr(reading.reader, "_waiter", None) is not None

    assert asyncio.run(looks()) == (True, False)
