"""Room that is kept for the last records: a file in the directory of the log, given up when the disk is full.

Its blocks are really taken (`posix_fallocate`). When there is room again it is taken back, but only if there is twice
as much as it needs: a disk that is filled to the brim would otherwise be given up and taken back for ever.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = ".reserve"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_PRIVATE: Final = 0o600
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def means_full(error: OSError) -> bool:
    """Whether an error says that there is no room, so that a reserve helps."""
    return error.errno in _FULL


@dataclass(slots=True)
class Reserve:
    """`size` bytes of the disk (0: none) below `directory`. One thread owns it."""

    directory: Path
    size: int
    held: bool = False

    def take(self) -> None:
        """Take the room; nothing happens if it is held. Raises OSError if there is not enough."""
        if self.held or not self.size:
            return
        descriptor = os.open(self._path, _FLAGS, _PRIVATE)
        try:
            os.posix_fallocate(descriptor, 0, 2 * self.size)
            os.ftruncate(descriptor, self.size)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(descriptor)
        self.held = True

    def give(self) -> bool:
        """Give the room up; whether there was some to give."""
        given, self.held = self.held, False
        with suppress(OSError):
            self._path.unlink()
        return given

    @property
    def _path(self) -> Path:
        return self.directory / NAME
