"""Records to a receiver of syslog, over TCP or TLS.

Syslog has no word for "taken". So every batch has a connection of its own: it counts as taken when the receiver has
read it to the end and hung up in order, and is still there for the next connection, which is opened at once. What a
receiver keeps in its memory when it is killed is lost to it all the same; let it write before it reads on.

Source: RFC 5425, RFC 6587.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.audit.export.receivers import NotTaken, why
from gateway.audit.export.streams import Stream
from gateway.audit.export.syslog import frame

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from gateway.audit.export.forms import Message
    from gateway.audit.export.targets import Target

TIMEOUT: Final = 10.0
"""Seconds that a receiver may take for each step."""


class Syslog:
    """One receiver. `log` and `host` say in every message where it comes from."""

    def __init__(
        self, target: Target, context: ssl.SSLContext | None, log: str, host: str, *, timeout: float = TIMEOUT
    ) -> None:
        self._target: Final = target
        self._context: Final = context
        self._log: Final = log
        self._host: Final = host
        self._timeout: Final = timeout
        self._next: Stream | None = None

    def deliver(self, messages: Sequence[Message]) -> None:
        """Send them, and see them read."""
        data = b"".join(frame(each, self._log, self._host) for each in messages)
        try:
            stream, self._next = self._opened(), None
            try:
                stream.send(data)
                stream.finish()
            finally:
                stream.close()
            self._next = self._connected()
        except OSError as error:
            raise NotTaken(f"`{self._target}`: {why(error)}") from None

    def close(self) -> None:
        """Hang up, if there is a connection."""
        if self._next is not None:
            with suppress(OSError):
                self._next.close()
            self._next = None

    def _opened(self) -> Stream:
        """The connection that was opened in advance, unless the receiver has hung up meanwhile."""
        if self._next is not None and self._next.is_open:
            return self._next
        self.close()
        return self._connected()

    def _connected(self) -> Stream:
        return Stream(self._target, self._context, self._timeout)
