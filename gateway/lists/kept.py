"""The last good copy of each list: what stays in force when the file is gone, broken, or not believed any more.

A copy is the very bytes of the file, with its time. It appears whole or not at all, and only the gateway reads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gateway.lists.source import Source, UnreadableError


@dataclass(frozen=True, slots=True)
class KeptCopies:
    """The copies of one policy's lists in a directory of their own; none are kept if it is None.

    `only_read` leaves them as they are: for whoever looks at what a gateway would do.
    """

    directory: Path | None
    only_read: bool = False

    def path(self, name: str) -> Path | None:
        """Where the copy of this list is, or would be."""
        return None if self.directory is None else self.directory / f"{quote(name, safe='')}.list"

    def read(self, name: str) -> Source | None:
        """The last good copy, None if there is none that can be read."""
        path = self.path(name)
        try:
            return None if path is None else Source.read(path)
        except UnreadableError:
            return None

    def keep(self, name: str, source: Source) -> str | None:
        """Make this the last good copy. None, or why it could not be written, as the end of a sentence."""
        path = self.path(name)
        if path is None or self.only_read:
            return None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_copy(path, source.content, source.modified)
        except OSError as error:
            return f"cannot be kept in `{path.parent}`: {(error.strerror or 'writing failed').lower()}"
        return None


def write_copy(path: Path, content: bytes, modified: float) -> None:
    """Make these bytes the file, with this time in seconds since the epoch: whole, or not at all. Raises OSError."""
    import tempfile  # noqa: PLC0415 - `policy check` keeps no copies and does not wait for it to be imported

    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")  # 0600 from the first moment
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.utime(file.fileno(), (modified, modified))
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
