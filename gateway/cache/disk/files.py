"""The files of a cache's folder: one for every answer, written whole under another name first, then given its own.

Whenever the gateway is killed, a file is there with all of its bytes or it is not there; what was begun is removed at
the next start. Nothing waits until the disk itself has the bytes: a cache may lose what it kept, and what the loss of
power left half written is found by its checksums. Everything is for the owner alone.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.cache.disk.entries import MOST_LINE, Damaged, Head, head_length

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.cache.store import Kept

SECRET: Final = 0o600
PRIVATE: Final = 0o700
LOCK: Final = "lock"
_OTHERS: Final = 0o077
_DRAFT: Final = ".new"
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_DRAFT_NAME: Final = re.compile(r"[0-9a-f]{64}\.new")
_PIECE: Final = 256 * 1024


class Unusable(Exception):  # noqa: N818 - it says how the folder is
    """A folder cannot hold a cache; the text says why, and the way out."""


def hold(folder: Path) -> int:
    """Make the folder, and keep everybody else out of it until the number that is returned is closed.

    Raises Unusable if it is open to others or another gateway has it, OSError if it cannot be made.
    """
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    said = folder.lstat()
    if not stat.S_ISDIR(said.st_mode) or said.st_mode & _OTHERS or said.st_uid != os.geteuid():
        raise Unusable(f"cache: `{folder}` has to be a folder of its own, for the gateway's user alone (mode 0700)")
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, SECRET)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Unusable(f"cache: `{folder}` is in use by another gateway, give this one a `path` of its own") from None
    return lock


def put(path: Path, head: bytes, body: bytes) -> None:
    """Write a file under its name for drafts; `publish` gives it its own. Raises OSError, and leaves nothing then."""
    draft = path.with_name(path.name + _DRAFT)
    draft.unlink(missing_ok=True)
    try:
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, SECRET)
        with os.fdopen(opened, "wb") as file:
            file.write(head)
            for begin in range(0, len(body), _PIECE):
                file.write(body[begin : begin + _PIECE])
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def publish(path: Path) -> None:
    """Give a draft its own name."""
    path.with_name(path.name + _DRAFT).replace(path)


def withdraw(path: Path) -> None:
    """Remove a draft that is not wanted any more."""
    path.with_name(path.name + _DRAFT).unlink(missing_ok=True)


def read(path: Path, most: int) -> Kept:
    """A whole answer of at most so many bytes. Raises Damaged, or OSError."""
    with os.fdopen(_opened(path), "rb") as file:
        line = file.readline(MOST_LINE)
        head = _own(path, Head.read(line, file.read(head_length(line))))
        if head.length > most:
            raise Damaged("its content is too large")
        body = bytearray()
        while piece := file.read(_PIECE):
            body += piece
            if len(body) > head.length:
                break
    return head.whole(bytes(body))


def look(path: Path) -> tuple[Head, int, float]:
    """The head of a file, its size in bytes and when it was written. Raises Damaged, or OSError."""
    with os.fdopen(_opened(path), "rb") as file:
        said = os.fstat(file.fileno())
        line = file.readline(MOST_LINE)
        head = _own(path, Head.read(line, file.read(head_length(line))))
        if said.st_size != file.tell() + head.length:
            raise Damaged("it is not as long as it was written")
    return head, said.st_size, said.st_mtime


def _own(path: Path, head: Head) -> Head:
    if head.name != path.name:
        raise Damaged("it was written under another name")
    return head


def _opened(path: Path) -> int:
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise Damaged("it is no file")
    return opened


def names(folder: Path) -> Iterator[Path]:
    """Every file that has the name of an answer; drafts that were left behind are removed on the way."""
    with os.scandir(folder) as entries:
        for each in entries:
            if _NAME.fullmatch(each.name):
                yield folder / each.name
            elif _DRAFT_NAME.fullmatch(each.name):
                (folder / each.name).unlink(missing_ok=True)


def is_place(name: str) -> bool:
    """Whether a folder was named by us."""
    return _NAME.fullmatch(name) is not None
