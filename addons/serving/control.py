"""The operator's way to a running gateway: a socket in the state folder that answers to its owner and to root alone.

The file is for its owner alone (mode 0600), and whoever connects is asked of the kernel all the same (SO_PEERCRED).
Every order is one line, every line is answered by one. The verbs are a table, so that others can be added; what they
do is written to the audit log by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from gateway.control.channel import MOST, SOCKET, Outcome, read_order
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from gateway.control.channel import Order

type Verb = Callable[["Caller", Mapping[str, str]], Awaitable[dict[str, Any]]]
"""Does what is ordered and says what came of it. Raises Refused, or Malformed for what it cannot be done with."""

PATIENCE: Final = 10.0
"""Seconds that an order may take to come."""
_CREDENTIALS: Final = struct.Struct("3i")
_AT_ONCE: Final = 16
_ROOT: Final = 0
_log: Final = logging.getLogger(__name__)


class Refused(Exception):  # noqa: N818 - it says what came of an order
    """An order is not carried out; the text says why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who speaks, as the kernel knows it; and `by` whom it says to be sent."""

    uid: int
    pid: int
    by: str | None = None

    @classmethod
    def of(cls, opened: socket.socket) -> Caller:
        """Whoever is at the other end of a connection."""
        pid, uid, _ = _CREDENTIALS.unpack(opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return cls(uid, pid)

    @property
    def may(self) -> bool:
        """Whether it may order anything: the user that the gateway runs as, and root."""
        return self.uid in {os.geteuid(), _ROOT}


@dataclass(slots=True)
class Control:
    """Listens in a state folder. Only one gateway uses it at a time: the lock of the audit log sees to that."""

    folder: Path
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Listen, in the place of whoever did so before. Raises OSError."""
        # Not cleaned up by asyncio: it would look for it by a descriptor whose number is somebody else's by now.
        self._server = await asyncio.start_unix_server(
            self._serve, sock=_bound(self.folder), limit=MOST, cleanup_socket=False
        )

    async def close(self) -> None:
        """Listen no more, and leave nothing behind."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._serving):
            task.cancel("the engine ends")
        if self._serving:
            await asyncio.wait(self._serving)
        with suppress(OSError):
            (self.folder / SOCKET).unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        try:
            if task is not None and len(self._serving) < _AT_ONCE:
                self._serving.add(task)
                caller = Caller.of(writer.get_extra_info("socket"))
                outcome = await self._answer(caller, reader)
            else:
                outcome = Outcome(refused="too many orders at a time, try again")
            writer.write(bytes(outcome))
            async with asyncio.timeout(PATIENCE):
                await writer.drain()
        except (OSError, TimeoutError):
            _log.debug("an order was not waited for")
        finally:
            if task is not None:
                self._serving.discard(task)
            writer.close()

    async def _answer(self, caller: Caller, reader: asyncio.StreamReader) -> Outcome:
        if not caller.may:
            _log.warning("the control socket was opened by user %d, who may order nothing", caller.uid)
            return Outcome(refused="you are neither the user of the gateway nor root")
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
            order = read_order(line)
        except TimeoutError:
            return Outcome(refused="no order came in time")
        except (Malformed, ValueError) as problem:
            return Outcome(refused=str(problem))
        return await carried_out(self.verbs, replace(caller, by=order.by), order)


async def carried_out(verbs: Mapping[str, Verb], caller: Caller, order: Order) -> Outcome:
    """What came of an order, whatever it was."""
    verb = verbs.get(order.verb)
    if verb is None:
        return Outcome(refused=f"there is no order `{order.verb}`, it is one of {', '.join(sorted(verbs))}")
    try:
        return Outcome(await verb(caller, order.given))
    except (Malformed, Refused, ValueError) as problem:
        return Outcome(refused=str(problem))
    except Exception:  # noqa: BLE001 - an order that fails must not end the gateway
        _log.exception("an order failed")
        return Outcome(refused="the order failed inside of the gateway, its log says how")


def _bound(folder: Path) -> socket.socket:
    """A socket under its name, for its owner alone from the first moment on.

    It is reached through the opened folder: the path of a socket has 107 bytes at most, that of a folder may have more.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        (folder / SOCKET).unlink(missing_ok=True)
        os.fchmod(listening.fileno(), 0o600)  # the file gets the mode of the socket, less the mask
        listening.bind(f"/proc/self/fd/{opened}/{SOCKET}")
        (folder / SOCKET).chmod(0o600)
        listening.listen(_AT_ONCE)
        listening.settimeout(0)
    except BaseException:
        listening.close()
        raise
    finally:
        os.close(opened)
    return listening
