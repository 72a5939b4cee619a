"""Whom a balancer introduces: the header in front of a connection, read to its last byte and not one further.

It is read byte by byte because what follows belongs to the client, and often to TLS. It has a deadline as a whole, and
the reader of headers knows the longest one that there can be.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from addons.entries.proxy_protocol import Unreadable, read_header
from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from addons.entries.destination import Spot


class NotIntroduced(Exception):  # noqa: N818 - it says what happened
    """A balancer did not say who its client is. `decision` says why; None if it said nothing and left."""

    def __init__(self, decision: Decision | None) -> None:
        super().__init__("the client was not introduced")
        self.decision: Final = decision


async def introduced(reader: asyncio.StreamReader, timeout: float) -> Spot | None:  # noqa: ASYNC109 - it ends in words of its own
    """The client, or None if the balancer speaks for itself. `timeout` in seconds. Raises NotIntroduced."""
    try:
        async with asyncio.timeout(timeout):
            return await _read(reader)
    except TimeoutError:
        raise NotIntroduced(refuse(Reason.HEAD_TIMEOUT, "The PROXY header did not come in time.")) from None


async def _read(reader: asyncio.StreamReader) -> Spot | None:
    held = bytearray()
    while True:
        try:
            held += await reader.readexactly(1)
        except (asyncio.IncompleteReadError, OSError):
            raise NotIntroduced(_malformed("the connection ended within the header") if held else None) from None
        try:
            found = read_header(bytes(held))
        except Unreadable as problem:
            raise NotIntroduced(_malformed(str(problem))) from None
        if found is not None:
            return found.client


def _malformed(why: str) -> Decision:
    return refuse(Reason.MALFORMED_REQUEST, f"The PROXY header cannot be read: {why}.")
