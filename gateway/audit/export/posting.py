"""Requests to a receiver that speaks HTTP, over one connection that is kept; no proxy, no redirect, no cookie.

Source: RFC 9110; which answers are worth another try: OTLP 1.9, "Failures", with RFC 6585 (429).
"""

from __future__ import annotations

import http.client
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch, why

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from gateway.audit.export.targets import Target

TIMEOUT: Final = 10.0
"""Seconds that a receiver may be silent."""

_LONGEST_ANSWER: Final = 64 * 1024
_LONGEST_PAUSE: Final = 300
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_TOO_MUCH: Final = 413


class Posting:
    """Posts bodies to one target."""

    def __init__(self, target: Target, context: ssl.SSLContext | None, *, timeout: float = TIMEOUT) -> None:
        self._target: Final = target
        self._connection: Final = (
            http.client.HTTPConnection(target.host, target.port, timeout=timeout)
            if context is None
            else http.client.HTTPSConnection(target.host, target.port, timeout=timeout, context=context)
        )
        self._is_kept = False

    def post(self, body: bytes, fields: Mapping[str, str]) -> bytes:
        """Post a body, and return the beginning of the answer that says it was taken. Raises NotTaken, Hopeless."""
        try:
            if self._is_kept:
                with suppress(http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                    return self._exchange(body, fields)  # a kept connection may have ended long ago
                self.close()
            return self._exchange(body, fields)
        except OSError as error:
            self.close()
            raise NotTaken(f"`{self._target}`: {why(error)}") from None
        except http.client.HTTPException:
            self.close()
            raise NotTaken(f"`{self._target}`: its answer is not HTTP") from None

    def close(self) -> None:
        """Hang up, if there is a connection."""
        self._is_kept = False
        self._connection.close()

    def _exchange(self, body: bytes, fields: Mapping[str, str]) -> bytes:
        self._connection.request("POST", self._target.path, body=body, headers=dict(fields))
        answer = self._connection.getresponse()
        begun = answer.read(_LONGEST_ANSWER)
        if not answer.isclosed():
            self.close()  # there is more of it, which nobody wants
        else:
            self._is_kept = not answer.will_close
        self._judge(answer)
        return begun

    def _judge(self, answer: http.client.HTTPResponse) -> None:
        status = answer.status
        said = f"`{self._target}` answered {status}"
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return
        if status == _TOO_MUCH:
            raise TooMuch(f"{said}: the batch is too large for it")
        if status in _TRY_AGAIN or status >= 500:  # noqa: PLR2004 - the class of the server's own errors
            raise NotTaken(said, _pause(answer.getheader("Retry-After")))
        raise Hopeless(said)


def _pause(value: str | None) -> float:
    return float(min(int(value), _LONGEST_PAUSE)) if value and value.isascii() and value.isdigit() else 0.0
