"""Orders to the engine from the admin process, over the socket in the state folder. See `gateway.control.channel`."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.control.channel import MOST_ANSWERED, SOCKET, Order, read_outcome
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE: Final = 5.0
"""Seconds that an answer may take; a reload takes longer, see `SLOW`."""
SLOW: Final = 60.0
_FRESH: Final = 0.5


class Unanswered(Exception):  # noqa: N818 - it says what happened
    """The engine gave no answer; the text says why, in words for operators."""


class Refused(Exception):  # noqa: N818 - it says what happened
    """The engine does not do it; the text says why."""


@dataclass(slots=True)
class Engine:
    """The engine of one state folder, asked over its socket."""

    state: Path
    _standing: dict[str, Any] = field(default_factory=dict)
    _looked: float = 0.0

    async def ask(
        self, verb: str, given: Mapping[str, str] | None = None, *, by: str | None = None, patience: float = PATIENCE
    ) -> dict[str, Any]:
        """What came of an order. Raises Unanswered, and Refused."""
        try:
            async with asyncio.timeout(patience):
                line = await self._exchanged(bytes(Order(verb, dict(given or {}), by)))
            outcome = read_outcome(line)
        except TimeoutError:
            raise Unanswered(f"the gateway gave no answer within {patience:g} s") from None
        except (OSError, ValueError, Malformed):
            raise Unanswered("the gateway does not answer: it is not at work, or only just starting") from None
        if outcome.refused is not None:
            raise Refused(outcome.refused)
        return outcome.done

    async def standing(self) -> dict[str, Any]:
        """The status, at most half a second old: whoever asks without a token must not keep the engine busy."""
        now = time.monotonic()
        if now - self._looked > _FRESH or not self._standing:
            self._looked, self._standing = now, {}
            self._standing = await self.ask("status", patience=2.0)
        return self._standing

    async def _exchanged(self, line: bytes) -> bytes:
        """The line that answers this one. The folder is opened first: its path may be too long for that of a socket."""
        folder = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            reader, writer = await asyncio.open_unix_connection(
                f"/proc/self/fd/{folder}/{SOCKET}", limit=MOST_ANSWERED + 1
            )
        finally:
            os.close(folder)
        try:
            writer.write(line)
            return await reader.readline()
        finally:
            writer.close()
