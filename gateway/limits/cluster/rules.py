"""By what rules a gateway uses the store: how long it waits, what it does without, and by which secrets.

Every key begins with the prefix in braces, so that a store that shares its keys out keeps them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

type OnFailure = Literal["closed", "local"]
"""What happens while the store is away: nothing is let through, or every machine counts alone."""

LEAST_SECRET: Final = 16
"""Bytes of a secret that cannot be guessed."""
_LONGEST: Final = 4096


class Source(Protocol):
    """Where a secret is: a file, or a variable of the environment."""

    @property
    def file(self) -> Path | None:
        """The file, found from where the configuration lies."""

    @property
    def environment(self) -> str | None:
        """The name of the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRules:
    """`name` is the store as people know it, `patience` in seconds; `secret` is in the names of clients."""

    name: str
    patience: float
    on_failure: OnFailure
    prefix: str
    secret: bytes


def prefix_of(name: str) -> str:
    """What every key begins with."""
    return f"{{{name}}}:"


def naming_secret(source: Source | None, prefix: str, environ: Mapping[str, str]) -> bytes:
    """What clients are named by. Without a secret, who reads the store can try addresses out. Raises Malformed."""
    if source is None:
        return blake2b(prefix.encode("ascii"), digest_size=32).digest()
    found = _read(source, environ).encode("utf-8")
    if len(found) < LEAST_SECRET:
        raise Malformed(f"{_place(source)} holds a secret of less than {LEAST_SECRET} bytes, which can be guessed")
    return blake2b(found, digest_size=32).digest()


def credentials_of(source: Source | None, environ: Mapping[str, str]) -> tuple[str | None, str] | None:
    """User, if there is one, and password. Raises Malformed, without a word of them."""
    if source is None:
        return None
    found = _read(source, environ)
    user, colon, password = found.partition(":")
    if not found or not found.isprintable() or (colon and not user):
        raise Malformed(f"{_place(source)} does not hold `password` or `user:password` in one line")
    return (user, password) if colon else (None, found)


def _read(source: Source, environ: Mapping[str, str]) -> str:
    if source.file is None:
        found = environ.get(source.environment or "")
        if found is None:
            raise Malformed(f"{_place(source)} is not set")
        return found
    try:
        with source.file.open(encoding="utf-8") as opened:
            return opened.read(_LONGEST).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Malformed(f"{_place(source)} is not UTF-8") from None
    except OSError as error:
        raise Malformed(f"{_place(source)} cannot be read: {(error.strerror or 'it fails').lower()}") from None


def _place(source: Source) -> str:
    return f"the variable `{source.environment}`" if source.file is None else f"the file `{source.file}`"
