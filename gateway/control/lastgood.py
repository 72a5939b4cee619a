"""Copies of what was in force, kept so that a gateway can be started with them when the original is gone or broken.

A copy is written beside its predecessor and then takes its name, so that a crash leaves one of the two, whole.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


def keep_copy(path: Path, content: bytes) -> None:
    """Make `content` the copy at `path`, readable by its owner alone. Raises OSError."""
    for folder in (*reversed(path.parent.parents), path.parent):
        if not folder.is_dir():
            folder.mkdir(_PRIVATE_DIRECTORY)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(fresh, flags, _PRIVATE_FILE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
