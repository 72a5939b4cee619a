"""How far an exporter has come, on the disk: a small file that is replaced as a whole, never written in place.

It moves only when a receiver has taken the records before it, so that after any crash some records may be sent again,
with the same numbers, and none is left out.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.segments import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "audit-cursors"
"""The folder of the cursors, in the state folder."""
_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a log: behind the record `seq` (0: at its beginning), which stands in the segment of that name."""

    log: str
    seq: int = 0
    segment: str = ""


@dataclass(frozen=True, slots=True)
class CursorFile:
    """The file of one exporter."""

    path: Path

    def load(self) -> Position | None:
        """What was saved last; None if nothing was. Raises OSError, and ValueError for a file that is no cursor."""
        try:
            found = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        match found:
            case {"log": str(log), "seq": int(seq), "segment": str(segment)} if seq >= 0:
                return Position(log, seq, segment)
            case _:
                raise ValueError("it is no cursor")

    def save(self, position: Position) -> None:
        """Put a position in the place of the one before, down to the disk. Raises OSError."""
        self.path.parent.mkdir(_PRIVATE_DIRECTORY, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(draft, flags, _PRIVATE_FILE)
        try:
            os.write(descriptor, f"{json.dumps(asdict(position))}\n".encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(self.path)
        sync_directory(self.path.parent)
