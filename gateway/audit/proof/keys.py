"""The private keys of a log: one for today, and for a moment the one that follows it.

`signing.key` holds the day and the secret in one line. A handover writes `next.key`, waits until a checkpoint that both
have signed covers the announcement, writes zeros over the old secret, and renames. What a file system or a disk keeps
of overwritten bytes is out of reach: there an old key is erased as well as it can be, and no better.
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.notes import SigningKey
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIGNING: Final = "signing.key"
NEXT: Final = "next.key"
_SECRET_SIZE: Final = 32
_ID_SIZE: Final = 8
_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class DayKey:
    """A signing key and the day (`2026-11-23`, UTC) that it is for."""

    day: str
    key: SigningKey


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Where the private keys lie. Methods raise OSError, and AuditUnavailable for a key that cannot be used."""

    folder: Path
    entropy: Callable[[int], bytes] = os.urandom

    def signing(self) -> DayKey | None:
        """The key of today, if there is one. A handover that stopped behind the erasing is ended."""
        old, new = self.folder / SIGNING, self.folder / NEXT
        if new.exists() and not old.read_bytes().strip(b"0"):
            new.replace(old)
        return self._held(SIGNING)

    def following(self) -> DayKey | None:
        """The key of an unfinished handover."""
        return self._held(NEXT)

    def begin(self, day: str, origin: str | None = None) -> DayKey:
        """The first key of a log, which gets its name by that if it has none."""
        name = origin or f"wicketgate/{self.entropy(_ID_SIZE).hex()}"
        return self._made(SIGNING, DayKey(day, self._new(name)))

    def prepare(self, origin: str, day: str) -> DayKey:
        """The key that is to follow the one of today; the same one if it was prepared before."""
        return self.following() or self._made(NEXT, DayKey(day, self._new(origin)))

    def hand_over(self) -> None:
        """Erase the key of today, and let the next one take its place."""
        old = self.folder / SIGNING
        with old.open("r+b") as file:
            file.write(b"0" * old.stat().st_size)
            file.flush()
            os.fsync(file.fileno())
        (self.folder / NEXT).replace(old)
        sync_directory(self.folder)

    def _new(self, name: str) -> SigningKey:
        return SigningKey(name, self.entropy(_SECRET_SIZE))

    def _made(self, name: str, made: DayKey) -> DayKey:
        draft = self.folder / f".{name}.new"
        text = f"{made.day} {made.key.name} {b64encode(made.key.secret).decode()}\n"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(self.folder / name)
        sync_directory(self.folder)
        return made

    def _held(self, name: str) -> DayKey | None:
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
                raise AuditUnavailable(f"audit: others can read `{path}`, give it the mode 0600")
            return _parsed(path, file.read())


def _parsed(path: Path, text: bytes) -> DayKey:
    try:
        day, name, encoded = text.decode("ascii").split()
        secret = b64decode(encoded, validate=True)
    except (ValueError, NotBase64):
        secret = b""
    if len(secret) != _SECRET_SIZE:
        raise AuditUnavailable(f"audit: `{path}` holds no key; remove it, and the gateway begins with a new one")
    return DayKey(day, SigningKey(name, secret))
