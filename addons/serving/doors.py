"""A door that closes behind those who are in it.

asyncio accepts a connection in one turn of its loop and makes its transport in the next. A server that is closed
between the two leaves a transport that nobody closes, and a traceback of it on the standard error stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


@dataclass(frozen=True, slots=True)
class Door:
    """Where connections are accepted by a server."""

    server: asyncio.Server

    def close(self) -> None:
        """Accept nobody else at once, and close as soon as those who were accepted are in."""
        loop = self.server.get_loop()
        for each in self.server.sockets:
            loop.remove_reader(each)
        loop.call_soon(self.server.close)
