"""The process that owns a log lets others write there: one sequence, no line torn, no number missing.

Workers send their records over a Unix socket (`gateway.audit.writing.frames`). What arrives together is numbered
together and acknowledged; who wants to know is told when it is on the disk. While the queue is full nothing is read,
so that the queues of the workers fill and each of them does what `on_failure` says; while the disk fails they are
told so at once. What a worker has sent is written even if it is killed the moment after.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.writing import frames
from gateway.audit.writing.errors import AuditUnavailable, cannot_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from gateway.audit.writing.writer import AuditWriter

_LOOK: Final = 0.05
_PIECE: Final = 256 * 1024
_LONGEST_PATH: Final = 107
_log: Final = logging.getLogger(__name__)


class AuditOwner:
    """Takes records for `writer`, which is open, at the socket `path`; only from processes of the same user."""

    def __init__(self, writer: AuditWriter, path: Path) -> None:
        self._writer: Final = writer
        self._path: Final = path
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._ending: Final = asyncio.Event()
        self._connected: Final[set[asyncio.StreamWriter]] = set()
        self._said = ""

    def start(self) -> None:
        """Listen. Raises AuditUnavailable."""
        if len(os.fsencode(self._path)) > _LONGEST_PATH:
            raise AuditUnavailable(f"audit: `{self._path}` is too long for a socket, choose a shorter `state`")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._path.unlink(missing_ok=True)
            listening.bind(os.fsencode(self._path))
            self._path.chmod(0o600)
            listening.listen()
        except OSError as error:
            listening.close()
            raise AuditUnavailable(cannot_write(self._path, error)) from None
        loop = self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, args=(loop, listening), name="audit-owner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take nothing more. What was taken is the writer's."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _run(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._live(listening))

    async def _live(self, listening: socket.socket) -> None:
        server = await asyncio.start_unix_server(self._serve, sock=listening)
        telling = asyncio.create_task(self._tell_of_trouble())
        await self._ending.wait()
        telling.cancel()
        server.close()
        for each in tuple(self._connected):
            each.transport.abort()
        await server.wait_closed()

    async def _tell_of_trouble(self) -> None:
        """Say it to every worker when the writer gets into trouble, and when it is out of it."""
        while True:
            trouble = self._writer.trouble or ""
            if trouble != self._said:
                self._said = trouble
                for each in self._connected:
                    each.write(frames.frame(frames.TROUBLE, 0, trouble.encode()))
            await asyncio.sleep(_LOOK)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connected.add(writer)
        try:
            if _user_of(writer) == os.geteuid():
                writer.write(frames.frame(frames.TROUBLE, 0, self._said.encode()))
                await self._take(reader, writer)
        except frames.Garbled as problem:
            _log.error("audit: a worker sent %s and is not listened to any more", problem)
        except AuditUnavailable as problem:
            _log.error("audit: records of a worker cannot be taken: %s", problem)
        except ConnectionError:
            pass
        finally:
            self._connected.discard(writer)
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = frames.Parser()
        while data := await reader.read(_PIECE):
            while self._writer.crowded and self._writer.healthy:  # noqa: ASYNC110 - threads make room, not tasks
                await asyncio.sleep(_LOOK / 10)
            bodies: list[bytes] = []
            last = 0
            for each in parser.feed(data):
                last = each.ticket
                if each.kind == frames.RECORD and each.body.endswith(b"}") and b"\n" not in each.body:
                    bodies.append(each.body)
                elif each.kind == frames.SYNC:
                    self._accept(bodies, last, writer, durable=True)
                    bodies = []
                else:
                    raise frames.Garbled("what is no record")
            self._accept(bodies, last, writer, durable=False)
            await writer.drain()

    def _accept(self, bodies: Sequence[bytes], ticket: int, writer: asyncio.StreamWriter, *, durable: bool) -> None:
        """Number records as one, the last of which has the ticket, and say so; now, and when they are on the disk."""
        if not bodies and not durable:
            return
        seq, done = self._writer.accept(bodies, durable=durable)
        if bodies:
            writer.write(frames.taken(ticket, seq, len(bodies)))
        if done is not None:
            done.add_done_callback(lambda done: self._later(done, ticket, writer))

    def _later(self, done: Future[int], ticket: int, writer: asyncio.StreamWriter) -> None:
        """Called by the thread that writes."""
        problem = done.exception()
        said = (
            frames.frame(frames.SAFE, ticket)
            if problem is None
            else frames.frame(frames.FAILED, ticket, str(problem).encode())
        )
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(_say, writer, said)


def _say(writer: asyncio.StreamWriter, said: bytes) -> None:
    if not writer.is_closing():
        writer.write(said)


def _user_of(writer: asyncio.StreamWriter) -> int:
    """The user of the process at the other end (unix(7), SO_PEERCRED)."""
    peer = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", peer)
    return int(user)
