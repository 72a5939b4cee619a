"""What the supervisor and a worker say to each other: objects of JSON, a line each, over a pair of sockets.

A worker reads what strangers send, so that what it says is read as JSON and nothing else. What the supervisor hands
down (settings, as it has read them) is pickled: it comes from the process that started the worker, over a socket that
nobody else has.
"""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket

MOST: Final = 64 * 1024 * 1024
"""Bytes of a line: settings hold the bodies of fixed responses, answers may be 8 MiB each."""


class Gone(Exception):  # noqa: N818 - it says what happened
    """Nobody is at the other end any more, or he makes no sense."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One end of the pair."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def over(cls, end: socket.socket) -> Wire:
        """Speak over one end of a pair of sockets."""
        return cls(*await asyncio.open_connection(sock=end, limit=MOST))

    def say(self, kind: str, **values: Any) -> None:
        """Say something; if nobody is there it is lost, and `hear` will tell."""
        if not self.writer.is_closing():
            self.writer.write(json.dumps({"kind": kind, **values}).encode("ascii") + b"\n")

    async def hear(self) -> dict[str, Any]:
        """What is said next. Raises Gone."""
        try:
            line = await self.reader.readline()
            said = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError) as problem:
            raise Gone(str(problem)) from None
        if not isinstance(said, dict) or not isinstance(said.get("kind"), str):
            raise Gone("the other end is gone")
        return said

    def close(self) -> None:
        """Say and hear nothing more."""
        self.writer.close()


def packed(value: object) -> str:
    """A value of the supervisor's, for a worker."""
    return base64.b64encode(pickle.dumps(value)).decode("ascii")


def unpacked(text: str) -> Any:
    """What `packed` packed. Never for what a worker says."""
    return pickle.loads(base64.b64decode(text))  # noqa: S301 - of our own parent, over a socket that only it has
