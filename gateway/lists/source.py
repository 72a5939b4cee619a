"""A list file as it was read once: its bytes, their digest, and the time of the file."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 256 * 10**6
"""Bytes of the largest file that is read: ten times a list of a million names."""


class UnreadableError(Exception):
    """Why there are no bytes, as the end of a sentence that begins with the file."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file. `modified` is in seconds since the epoch; `digest` is `sha256:` of the bytes."""

    content: bytes
    modified: float
    digest: str
    path: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a regular file; raises UnreadableError."""
        try:
            content, modified = _read(path)
        except FileNotFoundError:
            raise UnreadableError("is missing") from None
        except PermissionError:
            raise UnreadableError("cannot be read, the gateway has no permission") from None
        except OSError as error:
            raise UnreadableError(f"cannot be read: {(error.strerror or 'it failed').lower()}") from None
        if len(content) > LARGEST:
            raise UnreadableError(f"is larger than {LARGEST // 10**6} MB")
        return cls(content, modified, digest_of(content), str(path))


def _read(path: Path) -> tuple[bytes, float]:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for somebody to write
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableError("is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(LARGEST + 1), facts.st_mtime
    finally:
        os.close(handle)


def digest_of(content: bytes) -> str:
    """`sha256:` and the digest of the bytes in hexadecimal."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
