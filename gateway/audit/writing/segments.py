"""The files of the log: `<identifier>.jsonl`, named so that their order by name is the order of their records.

A segment is only ever appended to, by one process, which holds the lock file of the directory. One that is closed may
be compressed: `<identifier>.jsonl.zst` (RFC 8878). For a moment both are there, and either is whole.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.records.ids import RANDOM_BITS, decode
from gateway.audit.writing.errors import AuditUnavailable, cannot_write

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable, Iterable
    from pathlib import Path
    from typing import BinaryIO

    from zstandard import ZstdDecompressionObj

    type Opener = Callable[[Path], int]
    """Opens a segment for appending, new or old; returns the descriptor. Raises OSError."""

SUFFIX: Final = ".jsonl"
COMPRESSED: Final = ".jsonl.zst"
DRAFT: Final = ".draft"
"""Ends the name of a segment that is being compressed or pruned."""

LOCK: Final = ".lock"
_PRIVATE_FILE: Final = 0o600
_PACKED: Final = 8 * 1024
"""Compressed bytes that are read at once: what they become has to fit into memory."""
_PRIVATE_DIRECTORY: Final = 0o700


def open_segment(path: Path) -> int:
    """Open a segment for appending, readable by its owner alone; never through a symbolic link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, _PRIVATE_FILE)


def segments(directory: Path) -> list[Path]:
    """The segments of a log in their order, each once. Files with other names are none."""
    found: dict[str, Path] = {}
    for suffix in (SUFFIX, COMPRESSED):
        found |= {stem(path): path for path in directory.glob(f"*{suffix}") if decode(stem(path)) is not None}
    return [found[each] for each in sorted(found)]


def stem(path: Path) -> str:
    """The identifier of a segment, whether it is compressed or not."""
    return path.name.partition(".")[0]


def born(path: Path) -> float:
    """When a segment was begun, in seconds since the epoch: its identifier says so."""
    return ((decode(stem(path)) or 0) >> RANDOM_BITS) / 1000


def open_lines(path: Path) -> BinaryIO:
    """Open a segment for reading, compressed or not, even if it is being compressed at this moment. Raises OSError."""
    try:
        return _opened(path)
    except FileNotFoundError:
        return _opened(path.with_name(stem(path) + (SUFFIX if path.name.endswith(COMPRESSED) else COMPRESSED)))


def _opened(path: Path) -> BinaryIO:
    if COMPRESSED not in path.name:
        return path.open("rb")
    return io.BufferedReader(_Plain(path.open("rb")), 256 * 1024)


class _Plain(io.RawIOBase):
    """Decompressed bytes of one frame or several, whose damage is an error of input.

    Every frame says where it ends and has a checksum (RFC 8878 sections 3.1.1.2 and 3.1.1): a file that ends before its
    frame does was cut short, and is never taken for whole.
    """

    def __init__(self, source: BinaryIO) -> None:
        import zstandard  # noqa: PLC0415 - whoever only writes, or reads young logs, does without it

        super().__init__()
        self._source = source
        self._context = zstandard.ZstdDecompressor()
        self._error = zstandard.ZstdError
        self._frame: ZstdDecompressionObj | None = self._context.decompressobj()
        self._packed = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer as far as there is something. Raises OSError."""
        view = memoryview(buffer)
        while not self._plain:
            packed = self._packed or self._source.read(_PACKED)
            if packed:
                self._unpack(packed)
            elif self._frame is not None:
                raise OSError(errno.EIO, "the compressed segment ends in the middle")
            else:
                return 0
        count = min(len(view), len(self._plain))
        view[:count] = self._plain[:count]
        self._plain = self._plain[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        self._frame = frame = self._frame or self._context.decompressobj()
        try:
            self._plain = memoryview(frame.decompress(packed))
        except self._error as error:
            raise OSError(errno.EIO, f"the compressed segment is damaged: {error}") from None
        self._packed = frame.unused_data if frame.eof else b""
        self._frame = None if frame.eof else frame

    def close(self) -> None:
        """Close the file as well."""
        self._source.close()
        super().close()


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


@dataclass(slots=True)
class Lock:
    """The lock of a log: whoever holds it writes there, and nobody else."""

    directory: Path
    _descriptor: int | None = None

    def take(self) -> None:
        """Take the lock. Raises AuditUnavailable."""
        path = self.directory / LOCK
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
                f"audit: `{self.directory}` is written by another gateway (process {owner}), "
                "stop that one or give this one a directory of its own with `--state`"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self.give()
        self._descriptor = descriptor

    def keep(self) -> None:
        """Take the lock again if the directory was put away and another one stands in its place. Raises OSError."""
        if self._descriptor is None or same_file(self._descriptor, self.directory / LOCK):
            return
        try:
            self.take()
        except AuditUnavailable as error:
            raise OSError(errno.EBUSY, str(error)) from None

    def give(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def same_file(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


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
        """Wait until everything written is on the disk, in a file that is still there."""
        os.fdatasync(self.descriptor)
        if not same_file(self.descriptor, self.path):
            raise FileNotFoundError(errno.ENOENT, "the segment was taken away", str(self.path))

    def close(self) -> None:
        """Close the file. It is not synced by that."""
        os.close(self.descriptor)
