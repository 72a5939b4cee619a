"""Where processes of one gateway keep the hashes of their lists together, so that many workers need the memory of one.

Every process reads and judges its lists by itself. What comes of it is the same bytes in all of them, as they hash
under the same secret, and lies in a file by the name of its digest: the first one writes it, the others find it, look
whether it holds what they have, and map it in the place of their own. Nothing is taken over that was not found to be
the same, and a file that cannot be written or read is none: the process keeps its own.

Whoever maps a file holds a shared lock on it (flock), which ends with the mapping. A file that nobody holds is of no
use to anyone, and is removed when the next one is written.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.domains import Hashes

LEAST: Final = 64 * 1024
"""Bytes from which on it is worth a file."""
_SEED: Final = 4
"""Bytes of Python's own secret of hashes, where it is set (PYTHONHASHSEED)."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A `folder` of such files, which only this gateway uses, and the secret `key` of its lists."""

    folder: Path
    key: bytes

    @property
    def seed(self) -> int:
        """What Python has to hash by in all processes, for their hashes to be the same."""
        return int.from_bytes(blake2b(self.key, digest_size=_SEED, person=b"seed").digest())

    def kept(self, hashes: Hashes) -> Hashes:
        """The same hashes, in memory that others share if that can be had."""
        own = memoryview(hashes).cast("B")
        if len(own) < LEAST:
            return hashes
        path = self.folder / blake2b(own, key=self.key, digest_size=16).hexdigest()
        with suppress(OSError, ValueError):
            shared = self._mapped(path) or self._written(path, own)
            if shared is not None and memoryview(shared) == own:
                return memoryview(shared).cast("q")
        return hashes

    def _mapped(self, path: Path) -> mmap | None:
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return mmap(opened, 0, access=ACCESS_READ)  # it has a descriptor of its own, and with it the lock
        finally:
            os.close(opened)

    def _written(self, path: Path, content: memoryview) -> mmap | None:
        self._clear()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            draft.touch(mode=0o600)
            draft.write_bytes(content)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return self._mapped(path)

    def _clear(self) -> None:
        """Remove the files that nobody holds."""
        for each in self.folder.glob("*") if self.folder.is_dir() else ():
            if each.suffix:
                continue  # somebody is writing it
            opened = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                each.unlink()
            except BlockingIOError:
                pass
            finally:
                os.close(opened)

    def empty(self) -> None:
        """Remove what an earlier gateway has left. Nobody may use it yet."""
        for each in self.folder.glob("*") if self.folder.is_dir() else ():
            each.unlink(missing_ok=True)
