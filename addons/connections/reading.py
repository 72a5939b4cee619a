"""What comes on a connection, handed over in the moment in which it comes, as long as nothing speaks against it.

A stream reader keeps what comes, and wakes a task that asks for it in the next turn of the event loop: a future, two
callbacks and a step of the task for every piece. While that task waits for the next piece and nothing lies in the
reader, pieces go to whoever waits without it. The task is woken when the connection ends, when a piece is large, or
when reading has to wait, and does then what it always did: what comes meanwhile lies in the reader, bounded as ever.

Measured: some 5 % of a request, which comes and is answered in one piece each (`tests/bench/bench_reverse.py`).
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_LARGE: Final = 256 * 1024
"""Bytes that asyncio reads at a time, and that are worked off in one turn: a quarter of what turns of 64 kB cost."""


@contextmanager
def handed_over(
    reader: asyncio.StreamReader, give: Callable[[bytes], bool], drained: Callable[[], Awaitable[None]]
) -> Iterator[None]:
    """Within this block whoever reads from `reader` gets only what could not be given to `give`, and the end.

    `give` says whether it takes the next piece at once as well; if not, `drained` is awaited before that is read.
    """
    direct = _Direct(reader, give, drained)
    vars(reader)["read"] = direct.read
    try:
        yield
    finally:
        del vars(reader)["read"]


class _Direct:
    __slots__ = ("_drained", "_give", "_reader")

    def __init__(
        self, reader: asyncio.StreamReader, give: Callable[[bytes], bool], drained: Callable[[], Awaitable[None]]
    ) -> None:
        self._reader: Final = reader
        self._give: Final = give
        self._drained: Final = drained

    async def read(self, most: int) -> bytes:
        """What lies in the reader; what comes while nothing does is given away."""
        reader: Any = self._reader
        while not (reader._buffer or reader._eof or reader.exception() is not None):  # noqa: SLF001 - whether it would wait says nobody else
            if await self._hand_over(reader):
                await self._drained()
        return await asyncio.StreamReader.read(reader, max(most, _LARGE))

    async def _hand_over(self, reader: Any) -> bool:
        """Wait for a reason to stop; whether that is something else than the end of the connection."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        has_to_wait = False

        def feed(data: bytes) -> None:
            nonlocal has_to_wait
            if len(data) <= _LARGE and (not data or self._give(data)):
                return
            has_to_wait = len(data) <= _LARGE
            stop()
            if not has_to_wait:
                reader.feed_data(data)

        def stop() -> None:
            vars(reader).pop("feed_data", None)
            if reader._waiter is waiter:  # noqa: SLF001 - it is ours
                reader._waiter = None  # noqa: SLF001 - it is ours
            if not waiter.done():
                waiter.set_result(None)

        vars(reader)["feed_data"] = feed
        reader._waiter = waiter  # noqa: SLF001 - who ends the connection, or wants to know whether it is read, looks there
        try:
            await waiter
        finally:
            stop()
        return has_to_wait
