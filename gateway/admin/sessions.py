"""Who has signed in with a browser: kept in memory alone, for a while, and for no more people than there may be.

A session has two secrets. Its id is a cookie, which scripts cannot read, but which browsers send to every port of this
host (RFC 6265 section 8.5), so also to an application that is served beside the admin side. Its key is kept by the
page, where no other port can read it, and sent in a field. Neither opens anything without the other.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE: Final = "wicketgate-session"
KEY: Final = "wicketgate-session-key"
"""The field in which the page sends the key."""
IDLE: Final = 3600.0
"""Seconds after which a session ends that nobody uses."""
LONGEST: Final = 12 * 3600.0
"""Seconds after which every session ends."""
MOST: Final = 64


@dataclass(slots=True)
class Session:
    """One sign-in. `name` tells it from others in the log, and opens nothing."""

    name: str
    key: str
    begun: float
    used: float
    token: int


@dataclass(slots=True)
class Sessions:
    """All of them by their secret ids. `clock` is monotonic, in seconds."""

    clock: Callable[[], float]
    _open: OrderedDict[str, Session] = field(default_factory=OrderedDict)

    def begin(self, token: int) -> tuple[str, str]:
        """A new session, of whoever knew the token that counts as the `token`-th; its id, and its key."""
        now, identifier = self.clock(), secrets.token_urlsafe(32)
        while len(self._open) >= MOST:
            self._open.popitem(last=False)
        key = secrets.token_urlsafe(32)
        self._open[identifier] = Session(secrets.token_hex(4), key, now, now, token)
        return identifier, key

    def find(self, identifier: str, key: str, token: int) -> Session | None:
        """The session of this id, if this is its key, it goes on, and the token that opened it still holds."""
        found, now = self._open.get(identifier), self.clock()
        if found is None:
            return None
        if found.token != token or now - found.used > IDLE or now - found.begun > LONGEST:
            del self._open[identifier]
            return None
        if not hmac.compare_digest(found.key.encode(), key.encode("utf-8", "surrogatepass")):
            return None
        found.used = now
        self._open.move_to_end(identifier)
        return found

    def is_open(self, identifier: str, token: int) -> bool:
        """Whether this session goes on; asking is no use of it."""
        found, now = self._open.get(identifier), self.clock()
        return found is not None and found.token == token and now - found.begun <= LONGEST

    def end(self, identifier: str) -> None:
        """Sign out whoever has this id."""
        self._open.pop(identifier, None)
