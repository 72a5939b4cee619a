"""One worker as the supervisor sees it: a process, what it is asked, and what it says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from addons.workers.wire import Gone, Wire, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from addons.workers.place import Place

START_WITHIN: Final = 120.0
"""Seconds that a worker has to load what it serves by: lists may have millions of entries."""
_SUPERVISED: Final = ("-P", "-m", "addons.workers.worker")  # -P: nothing in the current folder is taken for a module


class NotBroughtUp(Exception):  # noqa: N818 - it says what happened
    """A worker does not come to serve; `problems` says why."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems: Final = problems


@dataclass(slots=True, eq=False)
class Hand:
    """A worker that was started. `said` hears what it has to say to the operator, with its number.

    `wished` hears why it wants a reload.
    """

    number: int
    process: asyncio.subprocess.Process
    wire: Wire
    said: Callable[[int, str], None]
    wished: Callable[[str], None]
    began: float
    serves: bool = False
    leaves: bool = False
    digests: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _asked: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _listening: asyncio.Task[None] | None = None
    _stage: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    async def prepare(self, *, leads: bool) -> None:
        """Have it load what it serves by. Raises NotBroughtUp."""
        self.wire.say("prepare", leads=leads)
        said = await self._reached("prepared")
        self.digests = said["digests"]

    async def serve(self) -> None:
        """Have it accept connections. Raises NotBroughtUp."""
        self.wire.say("serve")
        await self._reached("serving")
        self.serves = True

    async def ask(self, kind: str, **values: Any) -> dict[str, Any]:
        """What it answers. Raises Gone if it ends before that."""
        if self._listening is None or self._listening.done():
            raise Gone("the worker has ended")
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.wire.say(kind, id=number, **values)
        try:
            said: dict[str, Any] = await answer
        finally:
            del self._asked[number]
        return said

    def leave(self, seconds: float) -> None:
        """Have it end in peace, exchanges within so many seconds."""
        self.leaves, self.serves = True, False
        self.wire.say("end", seconds=seconds)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self.process.kill()

    async def over(self) -> str:
        """Wait until its process has ended, and say how."""
        code = await self.process.wait()
        self.serves = False
        if self._listening is not None:
            await asyncio.wait((self._listening,))
        self.wire.close()
        return how(code)

    async def _reached(self, stage: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(START_WITHIN):
                said = await self._stage.get()
        except TimeoutError:
            self.kill()
            raise NotBroughtUp(f"worker {self.number} did not start within {START_WITHIN:.0f} seconds") from None
        if said["kind"] == stage:
            return said
        if said["kind"] == "refused":
            raise NotBroughtUp(*said["problems"])
        self.kill()
        ended = how(await self.process.wait())
        raise NotBroughtUp(f"worker {self.number} ended before it served: {ended}")

    async def _listen(self) -> None:
        while True:
            try:
                said = await self.wire.hear()
            except Gone as gone:
                for answer in self._asked.values():
                    if not answer.done():
                        answer.set_exception(gone)
                self._stage.put_nowait({"kind": "gone"})
                return
            match said["kind"]:
                case "said":
                    self.said(self.number, str(said.get("sentence")))
                case "wish":
                    self.wished(str(said.get("cause")))
                case "answer":
                    self._answered(said)
                case _:
                    self._stage.put_nowait(said)

    def _answered(self, said: dict[str, Any]) -> None:
        answer = self._asked.get(said["id"])
        if answer is not None and not answer.done():
            answer.set_result(said)

    def listen(self) -> None:
        """Hear what it says from now on."""
        self._listening = asyncio.get_running_loop().create_task(self._listen())


async def hired(place: Place, said: Callable[[int, str], None], wished: Callable[[str], None]) -> Hand:
    """Start a worker in a place. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        kept = (theirs.fileno(), place.shared, place.limits, place.folder, *_sockets(place))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *_SUPERVISED, str(theirs.fileno())),
            pass_fds=kept,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=None if place.shelf is None else {**os.environ, "PYTHONHASHSEED": str(place.shelf.seed)},
        )
    wire = await Wire.over(ours)
    hand = Hand(place.number, process, wire, said, wished, asyncio.get_running_loop().time())
    wire.say("place", place=packed(place))
    hand.listen()
    return hand


def _sockets(place: Place) -> Iterator[int]:
    return (each for listeners in place.sockets for opened in listeners for each in opened)


def how(code: int) -> str:
    """How a process has ended, in words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"it ended with code {code}"
