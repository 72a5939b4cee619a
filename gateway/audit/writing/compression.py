"""A closed segment becomes a compressed one: the same bytes, read back and compared before the first copy goes.

At every moment there is a whole copy under a name that readers look for: the draft has another name until it is on the
disk, and the plain segment is removed after that. Zstandard frames carry their size and a checksum (RFC 8878).
"""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import zstandard

from gateway.audit.writing.segments import COMPRESSED, DRAFT, open_lines, open_segment, stem, sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

LEVEL: Final = 3
_PIECE: Final = 1024 * 1024

type GoingOn = Callable[[], bool]
"""Whether there is still time for work that can wait."""


class PutOff(Exception):  # noqa: N818 - it is no error: the work is done another time
    """There is no time for it now."""


def compress(path: Path, going_on: GoingOn) -> Path:
    """Compress a closed segment, return the path of what it has become. Raises OSError, PutOff."""
    target = path.with_name(stem(path) + COMPRESSED)
    written, read = hashlib.sha256(), hashlib.sha256()
    draft = write_draft(target, _pieces(path, written.update, going_on))
    try:
        for _ in _pieces(draft, read.update, going_on):
            pass
        if read.digest() != written.digest():
            raise OSError(errno.EIO, "what was compressed is not what was read")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
    path.unlink()
    return target


def write_draft(target: Path, pieces: Iterable[bytes]) -> Path:
    """Write `pieces`, compressed, beside what will be replaced, down to the disk. A failed attempt leaves no file."""
    draft = target.with_name(target.name + DRAFT)
    try:
        draft.unlink(missing_ok=True)
        with open(open_segment(draft), "wb") as raw:  # noqa: PTH123 - a descriptor is opened, not a path
            compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
            with compressor.stream_writer(raw, closefd=False) as writer:
                for piece in pieces:
                    writer.write(piece)
            raw.flush()
            os.fsync(raw.fileno())
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    return draft


def _pieces(path: Path, seen: Callable[[bytes], object], going_on: GoingOn) -> Iterator[bytes]:
    with open_lines(path) as file:
        while piece := file.read(_PIECE):
            if not going_on():
                raise PutOff
            seen(piece)
            yield piece
