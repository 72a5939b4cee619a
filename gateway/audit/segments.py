"""The files of the log: `<identifier>.jsonl`, named so that their order by name is the order of their records.

A segment is only ever appended to, by one process, which holds the lock file of the directory.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.errors import AuditUnavailable, cannot_write
from gateway.audit.ids import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    type Opener = Callable[[Path], int]
    """Opens a segment for appending, new or old; returns the descriptor. Raises OSError."""

SUFFIX: Final = ".jsonl"
LOCK: Final = ".lock"
_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


def open_segment(path: Path) -> int:
    """Open a segment for appending, readable by its owner alone; never through a symbolic link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, _PRIVATE_FILE)


def segments(directory: Path) -> list[Path]:
    """The segments of a log in their order. Files with other names are none."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if decode(path.stem) is not None)


def prepare_directory(directory: Path) -> None:
    """Make the directory of a log, mode 0700. Raises AuditUnavailable."""
    try:
        for each in (*reversed(directory.parents), directory):
            if not each.is_dir():
                each.mkdir(_PRIVATE_DIRECTORY)
        directory.chmod(_PRIVATE_DIRECTORY)
    except FileExistsError as error:
        raise AuditUnavailable(f"audit: cannot write `{directory}`: `{error.filename}` is no directory") from None
    except OSError as error:
        raise AuditUnavailable(cannot_write(directory, error)) from None


def lock_directory(directory: Path) -> int:
    """Take the lock of a log for as long as the returned descriptor is open. Raises AuditUnavailable."""
    path = directory / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
    except OSError as error:
        raise AuditUnavailable(cannot_write(path, error)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise AuditUnavailable(
            f"audit: `{directory}` is written by another gateway (process {owner}), "
            "stop that one or give this one a directory of its own with `--state`"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def sync_directory(directory: Path) -> None:
    """Make the names of new segments survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Segment:
    """One open segment; `size` in bytes. Every method may raise OSError."""

    path: Path
    descriptor: int
    size: int

    @classmethod
    def open(cls, path: Path, opener: Opener) -> Segment:
        """Open a new segment or go on with an old one."""
        descriptor = opener(path)
        try:
            sync_directory(path.parent)
            return cls(path, descriptor, os.fstat(descriptor).st_size)
        except OSError:
            os.close(descriptor)
            raise

    def write(self, lines: Iterable[bytes]) -> None:
        """Hand the lines to the system; they are not on the disk before `sync`."""
        rest = memoryview(b"".join(lines))
        while rest:
            written = os.write(self.descriptor, rest)
            self.size += written
            rest = rest[written:]

    def sync(self) -> None:
        """Wait until everything written is on the disk."""
        os.fdatasync(self.descriptor)

    def close(self) -> None:
        """Close the file. It is not synced by that."""
        os.close(self.descriptor)
