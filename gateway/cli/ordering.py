"""An order to a running gateway, over the socket in its state folder."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.outcome import Unusable
from gateway.control.channel import MOST_ANSWERED, SOCKET, read_outcome
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.control.channel import Order

_PATIENCE: Final = 60.0
_CREDENTIALS: Final = Struct("3i")
"""Process, user and group (unix(7))."""


class NotAtWork(Unusable):
    """No gateway is at work there."""


def ordered(state: Path, order: Order, patience: float = _PATIENCE) -> dict[str, Any]:
    """What came of an order. Raises NotAtWork if no gateway is there, and Unusable if it refuses.

    `patience` is how long the answer may take, in seconds.
    """
    try:
        outcome = read_outcome(_exchanged(state, bytes(order), patience))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NotAtWork(f"no gateway is at work in `{state}`, name its state folder with `--state`") from None
    except PermissionError:
        raise Unusable(f"`{state / SOCKET}` is for the user of the gateway and root alone") from None
    except (TimeoutError, ConnectionError, Malformed) as problem:
        raise Unusable(f"the gateway in `{state}` gave no answer: {problem}") from None
    if outcome.refused is not None:
        raise Unusable(outcome.refused)
    return outcome.done


@contextmanager
def process_of(state: Path) -> Iterator[int | None]:
    """A descriptor (pidfd_open(2)) of the process that is at work there; None if the kernel cannot give one.

    It says who listens, by the number that the process has here: in a container of its own it calls itself another.
    """
    held = None
    with suppress(OSError):
        with _connected(state, _PATIENCE) as wire:
            credentials = wire.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        held = os.pidfd_open(_CREDENTIALS.unpack(credentials)[0])
    try:
        yield held
    finally:
        if held is not None:
            os.close(held)


def _exchanged(state: Path, line: bytes, patience: float) -> bytes:
    """The line that answers this one."""
    with _connected(state, patience) as wire:
        wire.sendall(line)
        with wire.makefile("rb") as answers:
            return answers.readline(MOST_ANSWERED + 1)


@contextmanager
def _connected(state: Path, patience: float) -> Iterator[socket.socket]:
    """A connection. The folder is opened first: its path may be too long for that of a socket."""
    folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(patience)
            wire.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            yield wire
    finally:
        os.close(folder)
