"""The secrets that open the admin side: a file each in the state folder, for its owner alone, 256 bits of chance.

`admin-token` may do everything, `metrics-token` may read metrics and nothing else. A file that was removed is made
anew, with another secret, and whoever held the old one is out. They are sent as bearer tokens (RFC 6750) and compared
in constant time.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path

ADMIN: Final = "admin-token"
METRICS: Final = "metrics-token"
_BYTES: Final = 32
_SHORTEST: Final = 32
_LONGEST: Final = 512
_PRIVATE: Final = 0o600


def ensure(state: Path, name: str = ADMIN) -> bool:
    """Make the secret if there is none; whether it was made. Raises Malformed for one that cannot be used."""
    try:
        opened = os.open(state / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    except FileExistsError:
        read(state, name)
        return False
    except OSError as error:
        raise Malformed(f"admin: `{state / name}` cannot be made: {_words(error)}") from None
    with os.fdopen(opened, "wb") as file:
        os.fchmod(opened, _PRIVATE)
        file.write(_fresh())
    return True


def rotate(state: Path, name: str = ADMIN) -> None:
    """Put another secret in the place of the one that is there. Raises OSError."""
    draft = state / f".{name}.{os.getpid()}"
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(opened, "wb") as file:
        os.fchmod(opened, _PRIVATE)
        file.write(_fresh())
        file.flush()
        os.fsync(opened)
    draft.rename(state / name)


def read(state: Path, name: str = ADMIN) -> bytes:
    """The secret. Raises Malformed if it cannot be read, is no secret, or is there for others to read."""
    path = state / name
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(_LONGEST + 1).strip()
    except OSError as error:
        raise Malformed(f"admin: `{path}` cannot be read: {_words(error)}; remove it, and another is made") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Malformed(f"admin: `{path}` can be read by others, `chmod 600` it, or remove it, and another is made")
    if not _SHORTEST <= len(secret) <= _LONGEST or not secret.isascii() or b" " in secret:
        raise Malformed(f"admin: `{path}` holds no token of {_SHORTEST} to {_LONGEST} characters, remove it")
    return secret


@dataclass(slots=True)
class Secret:
    """A secret as it is now: read again when its file was touched, made anew when it is gone."""

    state: Path
    name: str = ADMIN
    _secret: bytes = b""
    _seen: tuple[int, int, int] | None = None
    changes: int = 0
    """How often it has become another one: what was opened with an older one is shut."""

    def is_it(self, given: str) -> bool:
        """Whether this is the secret, found out in a time that does not depend on where it differs."""
        self.look()
        return bool(self._secret) and hmac.compare_digest(self._secret, given.encode("utf-8", "surrogatepass"))

    def look(self) -> None:
        """Read it again if its file was touched. One that cannot be used opens nothing."""
        try:
            found = (self.state / self.name).stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
        except OSError:
            seen = None
        if seen is not None and seen == self._seen:
            return
        before = self._secret
        try:
            if seen is None:
                ensure(self.state, self.name)
            self._secret = read(self.state, self.name)
        except Malformed:
            self._secret = b""
        self._seen = seen
        self.changes += self._secret != before


def _fresh() -> bytes:
    return secrets.token_urlsafe(_BYTES).encode("ascii") + b"\n"


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
