"""The name of a log, which makes its sequence numbers unique in the world: receivers tell records apart by both.

It is made once, and lies beside the segments: a log that begins anew has another one, a copy of a log has the same.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from gateway.audit.records.ids import IdSource, decode
from gateway.audit.writing.segments import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "log-id"
_PRIVATE_FILE: Final = 0o600


def log_id(directory: Path) -> str:
    """The name of the log in a directory; it is made if there is none yet. Raises OSError, ValueError."""
    path = directory / NAME
    if not path.exists():
        _write(path, IdSource(time.time, os.urandom).next())
    found = path.read_text("ascii").strip()
    if decode(found) is None:
        raise ValueError(f"audit: `{path}` does not hold the name of a log, remove it to have a new one made")
    return found


def _write(path: Path, name: str) -> None:
    draft = path.with_name(f"{NAME}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
    try:
        os.write(descriptor, f"{name}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    sync_directory(path.parent)
