"""A link that signs somebody in once, within minutes: for those who sit at the machine of the gateway.

Whoever can write into the state folder can make one, and could read the token there as well. The code stands behind
the `#` of the link, which browsers send to nobody: no log and no Referer has it. Of the code only a hash is written
down; another link takes the place of the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "sign-in-link"
HOLDS: Final = 600.0
"""Seconds for which a link can be used."""
_BYTES: Final = 32
_PRIVATE: Final = 0o600


def invite(state: Path) -> str:
    """Make a code that opens a session once. Raises OSError."""
    code = secrets.token_urlsafe(_BYTES)
    draft = state / f".{NAME}.{os.getpid()}"
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    with os.fdopen(opened, "wb") as file:
        os.fchmod(opened, _PRIVATE)
        file.write(_hash(code))
    draft.replace(state / NAME)
    return code


def link(url: str, code: str) -> str:
    """The address that signs in at the admin side of this address."""
    return f"{url}/#sign-in={code}"


def accept(state: Path, code: str) -> bool:
    """Whether this is the code that holds, which it does no more from now on."""
    path = state / NAME
    try:
        age = time.time() - path.stat().st_mtime
        wanted = path.read_bytes()
        if not hmac.compare_digest(wanted, _hash(code)):
            return False
        path.unlink()
    except OSError:
        return False
    return 0 <= age <= HOLDS


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest().encode("ascii")
