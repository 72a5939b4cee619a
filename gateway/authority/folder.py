"""The folder of the authorities: who may look into it, and how it is changed by one at a time, whole or not at all.

    signing.key    the authority that signs: key, certificate and chain in one file
    next.key       the one that will sign next; it is published already
    previous.key   the one that signed before, as long as one may want to go back
    old-*.pem      certificates of older ones, which have no key any more
    ca.pem         what clients should trust: written anew from the others, never read

A file's name is its role, and every change of roles is one rename: whenever a change is interrupted, the same
authority signs as before or the next one does, and every authority that was published still is.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gateway.authority.signers import AuthorityUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNING: Final = "signing.key"
NEXT: Final = "next.key"
PREVIOUS: Final = "previous.key"
OLD: Final = "old-*.pem"
TRUSTED: Final = "ca.pem"
SECRET: Final = 0o600
PUBLIC: Final = 0o644
_OTHERS: Final = 0o077
_DRAFT: Final = ".new"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """In this block nobody else changes the folder; it is made if it is missing. Raises AuthorityUnusable.

    What an interrupted change left behind is removed first: it may hold a key that was never used.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_if_open(folder)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, SECRET)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for each in folder.glob(f"*{_DRAFT}"):
                each.unlink()
            yield
        finally:
            os.close(lock)
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise AuthorityUnusable(
            f"ca: `{error.filename or folder}`: {words}, look who owns it and who runs the gateway"
        ) from None


def _refuse_if_open(folder: Path) -> None:
    """A folder without a key is closed to others; in one with keys, others may have read or replaced them."""
    for path in (folder, *folder.glob("*.key")):
        mode = path.stat().st_mode
        if not mode & _OTHERS:
            continue
        wanted = 0o700 if path == folder else SECRET
        if path == folder and not any(folder.glob("*.key")):
            folder.chmod(wanted)
            continue
        raise AuthorityUnusable(
            f"ca: `{path}` is open to others (mode {mode & 0o777:04o}): close it with `chmod {wanted:04o} {path}`, and "
            "if somebody may have copied the key, replace the authority then (`wicketgate ca rotate`)"
        )


def put(path: Path, data: bytes, mode: int = SECRET) -> None:
    """Write a file whole or not at all, never readable by more than `mode` says, not even for a moment."""
    draft = path.with_name(path.name + _DRAFT)
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename(draft, path)


def rename(path: Path, target: Path) -> None:
    """Give a file another name, in place of what had it, and wait until the disk knows."""
    path.replace(target)
    settle(target.parent)


def settle(folder: Path) -> None:
    """Wait until the disk knows the names in a folder."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
