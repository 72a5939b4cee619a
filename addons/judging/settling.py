"""Under `durability: sync` a refusal, too, is on the disk before its client hears of it.

The last adapter of every hook in which something can be refused; the layer that asked stays paused until the record is
safe. Only the refusal of a connection for which there is no room does not wait: waiting would need that room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from addons.judging.recording import Recorder


class Settling:
    """Waits for what was refused last, and so for everything before it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder: Final = recorder

    def requestheaders(self, _subject: object) -> Awaitable[None] | None:
        """Whatever was refused meanwhile, here or on another connection, is on the disk when this is over."""
        return self._recorder.settled()

    client_connected = requestheaders
    unreadable_head = requestheaders
    socks_asked = requestheaders
    socks_broken = requestheaders
    http_connect = requestheaders
    tunnel_hello = requestheaders
    tunnel_raw = requestheaders
    tunnel_broken = requestheaders
    tls_clienthello = requestheaders
    responseheaders = requestheaders
