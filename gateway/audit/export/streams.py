"""One connection to a receiver of syslog, which says nothing: that it read everything is seen by how it hangs up.

After the last byte our side is closed and the other side is waited for. A receiver that has read to the end closes its
side too; one that ended with bytes unread sends a reset, which is no farewell (RFC 9293 section 3.10.4).
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.audit.export.targets import Target

_PIECE: Final = 16 * 1024


class Stream:
    """A connection over TCP, or TLS with a `context`. Every method may raise OSError, with ssl.SSLError among them."""

    def __init__(self, target: Target, context: ssl.SSLContext | None, timeout: float) -> None:
        self._socket = socket.create_connection((target.host, target.port), timeout)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        try:
            if context is not None:
                self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=target.host)
                self._shake_hands(self._tls)
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether the other side has not hung up, as far as is known here."""
        timeout = self._socket.gettimeout()
        self._socket.settimeout(0.0)
        try:
            while data := self._socket.recv(_PIECE):
                self._incoming.write(data)  # tickets of TLS; syslog itself has nothing to say
        except OSError as error:
            return isinstance(error, BlockingIOError)
        finally:
            self._socket.settimeout(timeout)
        return False

    def send(self, data: bytes) -> None:
        """Send all of it, however slowly it is taken."""
        if self._tls is None:
            self._socket.sendall(data)
            return
        for start in range(0, len(data), _PIECE):
            self._tls.write(data[start : start + _PIECE])
            self._socket.sendall(self._outgoing.read())

    def finish(self) -> None:
        """Close our side, and wait until the other side has read everything and closes its own."""
        tls = self._tls
        if tls is not None:
            self._part(tls)
            self._socket.sendall(self._outgoing.read())
        self._socket.shutdown(socket.SHUT_WR)
        while data := self._socket.recv(_PIECE):
            if tls is not None:
                self._incoming.write(data)
                self._part(tls)
        self._socket.close()

    def close(self) -> None:
        """Hang up, if that was not done before."""
        if self._tls is not None and self._socket.fileno() >= 0:
            with suppress(OSError):
                self._part(self._tls)
                self._socket.sendall(self._outgoing.read())
        self._socket.close()

    def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                data = self._socket.recv(_PIECE)
                if not data:
                    raise ConnectionResetError(104, "it hung up during the handshake") from None
                self._incoming.write(data)
            except ssl.SSLError:
                with suppress(OSError):  # the alert that says why
                    self._socket.sendall(self._outgoing.read())
                raise
            else:
                self._socket.sendall(self._outgoing.read())
                return

    def _part(self, tls: ssl.SSLObject) -> None:
        """Say goodbye, once, and look at what came: tickets and a goodbye are fine, any other alert is not."""
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLSyscallError, ssl.SSLEOFError):
            tls.unwrap()
