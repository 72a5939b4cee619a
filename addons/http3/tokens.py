"""Tokens by which a client proves that it gets what is sent to its address, before anything is kept of it.

A token holds what the gateway would have had to remember: the ids of the first packet, and when that was; sealed with
a key that lives as long as the process. It is good for the address that it was sent to, for a few seconds.

Source: RFC 9000 section 8.1.2 (Retry), section 8.1.4 (integrity of tokens).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME: Final = 10.0
"""Seconds in which a client has to come back with its token."""
_SEAL: Final = 32
_TIME: Final = 8


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens and reads them. `clock` is monotonic, in seconds; `key` is secret."""

    key: bytes = field(repr=False)
    clock: Callable[[], float]

    def make(self, address: tuple[str, int], original: bytes, retried: bytes) -> bytes:
        """A token for whoever sent a packet to `original` and is told to go on with `retried`."""
        body = int(self.clock() * 1000).to_bytes(_TIME) + bytes([len(original)]) + original + retried
        return self._seal(address, body) + body

    def read(self, address: tuple[str, int], token: bytes) -> tuple[bytes, bytes] | None:
        """The two ids, if the token was made for this address a moment ago."""
        seal, body = token[:_SEAL], token[_SEAL:]
        if len(body) <= _TIME or not hmac.compare_digest(seal, self._seal(address, body)):
            return None
        if not 0 <= self.clock() - int.from_bytes(body[:_TIME]) / 1000 <= LIFETIME:
            return None
        size, ids = body[_TIME], body[_TIME + 1 :]
        return ids[:size], ids[size:]

    def _seal(self, address: tuple[str, int], body: bytes) -> bytes:
        where = f"{address[0]} {address[1]} ".encode()
        return hmac.digest(self.key, where + body, sha256)
