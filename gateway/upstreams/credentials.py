"""The secrets with which the gateway shows other proxies who it is, read once at the start and never told.

Source: RFC 7617 (Basic), RFC 9110 section 11.7.2 (Proxy-Authorization).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, Protocol

from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WORDS: Final = re.compile(r"[^:\x00-\x1f\x7f]+:[^\x00-\x1f\x7f]*")
_LONGEST: Final = 4096


class Source(Protocol):
    """Where a secret is, as the configuration says it: one of the two."""

    @property
    def file(self) -> Path | None:
        """A file, found from where the configuration lies."""
        ...

    @property
    def environment(self) -> str | None:
        """A variable of the environment."""
        ...


def basic_authorization(source: Source, environ: Mapping[str, str]) -> bytes:
    """The value of a field for the `user:password` that the source holds. Raises Malformed, without a word of it."""
    found = _read(source, environ).rstrip("\r\n")
    if _WORDS.fullmatch(found) is None:
        raise Malformed(f"{_place(source)} does not hold `user:password` in one line")
    return b"Basic " + base64.b64encode(found.encode("utf-8"))


def _read(source: Source, environ: Mapping[str, str]) -> str:
    if source.file is None:
        found = environ.get(source.environment or "")
        if found is None:
            raise Malformed(f"{_place(source)} is not set")
        return found
    try:
        with source.file.open(encoding="utf-8") as opened:
            return opened.read(_LONGEST)
    except UnicodeDecodeError:
        raise Malformed(f"{_place(source)} is not UTF-8") from None
    except OSError as error:
        raise Malformed(f"{_place(source)} cannot be read: {(error.strerror or 'it fails').lower()}") from None


def _place(source: Source) -> str:
    return f"the variable `{source.environment}`" if source.file is None else f"the file `{source.file}`"
