"""Whoever takes records, and the three ways in which that goes wrong."""

from __future__ import annotations

import errno
import socket
import ssl
from traceback import extract_tb
from typing import TYPE_CHECKING, Protocol

from gateway.audit.writing.errors import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.export.forms import Message


class NotTaken(Exception):  # noqa: N818 - it says what happened
    """The messages were not taken, or nobody knows: they are sent again. `after` is the least pause, in seconds."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class TooMuch(NotTaken):
    """The messages were more than the receiver takes at once."""


class Hopeless(Exception):  # noqa: N818 - it says what the situation is
    """The receiver will never take them, until somebody changes something."""


def fault(error: BaseException) -> str:
    """What kind of fault of our own it is and where, never what it says, which may hold a record or a secret."""
    frames = extract_tb(error.__traceback__)
    place = f" in {'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


class Receiver(Protocol):
    """Takes messages. One thread uses it."""

    def deliver(self, messages: Sequence[Message]) -> str | None:
        """Return when the messages were taken, with a word for the operator if there is one.

        Raises NotTaken, Hopeless.
        """

    def close(self) -> None:
        """Let go of whatever is open."""


def why(error: OSError) -> str:
    """What went wrong on the way to a receiver, in words for people."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {getattr(error, 'reason', None) or 'the handshake broke off'}"
        case socket.gaierror():
            return "its name has no address"
        case ConnectionResetError() | BrokenPipeError() | OSError(errno=errno.ENOTCONN):
            return "it hung up"
        case TimeoutError():
            return "it did not answer in time"
        case _:
            return words(error)
