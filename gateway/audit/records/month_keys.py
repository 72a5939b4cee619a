"""The keys under which clients' addresses become tokens: one file per month, made when first needed, erased in time.

A key lies in `STATE/audit-keys/2026-11.key`, readable by its owner alone, outside of the log: who has the log cannot
undo it, and who erases the key has made the tokens of that month anonymous for good.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.errors import AuditUnavailable, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LENGTH: Final = 32
"""Bytes of a key."""
_OTHERS: Final = 0o077
_NAME: Final = re.compile(r"(\d{4})-(\d{2})\.key")


@dataclass(frozen=True, slots=True)
class MonthKeys:
    """The keys of a folder. Those of `kept` months are there, this month's counted; `entropy(n)` gives n bytes."""

    folder: Path
    kept: int
    entropy: Callable[[int], bytes] = os.urandom

    def key(self, month: str) -> bytes:
        """The key of a month, `2026-11`, made if there is none; older ones than are kept are erased.

        Raises AuditUnavailable: without the key no record can be made, and nothing is let through.
        """
        path = self.folder / f"{month}.key"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            secret = self._read(path) if path.exists() else self._made(path)
            self._erase_before(month)
        except OSError as error:
            raise AuditUnavailable(f"audit: the key `{path}` of client addresses: {words(error)}") from None
        return secret

    def months(self) -> list[str]:
        """The months whose keys are there, oldest first: `2026-11`."""
        return sorted(path.stem for path in self.folder.glob("*.key") if _number(path.name))

    def find(self, month: str) -> bytes | None:
        """The key of a month, None if there is none: nothing is made or erased. Raises AuditUnavailable."""
        path = self.folder / f"{month}.key"
        try:
            return self._read(path) if _number(path.name) and path.exists() else None
        except OSError as error:
            raise AuditUnavailable(f"audit: the key `{path}` of client addresses: {words(error)}") from None

    def _read(self, path: Path) -> bytes:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise AuditUnavailable(
                f"audit: the key `{path}` of client addresses is open to others, close it with `chmod 0600 {path}`"
            )
        secret = path.read_bytes()
        if len(secret) != LENGTH:
            raise AuditUnavailable(
                f"audit: the key `{path}` of client addresses has {len(secret)} bytes instead of {LENGTH}, remove it"
            )
        return secret

    def _made(self, path: Path) -> bytes:
        """A new key, whole or not there; that of another process which was quicker."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(self.entropy(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return self._read(path)

    def _erase_before(self, month: str) -> None:
        oldest = _number(f"{month}.key") - self.kept + 1
        for path in self.folder.glob("*.key"):
            if 0 < _number(path.name) < oldest:
                path.write_bytes(bytes(LENGTH))  # what the disk keeps of it besides is beyond a program's reach
                path.unlink()


def _number(name: str) -> int:
    """Months since the year 0; 0 for a file that is no key of a month."""
    found = _NAME.fullmatch(name)
    return 0 if found is None else int(found[1]) * 12 + int(found[2])
