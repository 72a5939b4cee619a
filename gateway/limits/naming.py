"""What a counter is called outside of this process: a keyed hash of its limit and of whom it counts.

Nobody who sees the name learns a client's address or its user from it, and nobody who lacks the secret can choose
clients whose names meet. A limit's own name holds what has to be the same for its counter to live on over a reload: the
listener, the id and the key; of a rate its numbers too.

Source: RFC 7693 (BLAKE2, keyed).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address, Network
from gateway.policy.model import Missing

if TYPE_CHECKING:
    from gateway.policy.limits import Key, LimitSpec

SIZE: Final = 16
"""Bytes of a name."""
REMEMBERED: Final = 4096
"""Names of keys that a process remembers at least, and at most twice as many."""


class Names:
    """What keys of limits are called, under a secret; those that were asked for of late are remembered.

    A client asks again and again, and only who remembers can tell which one a name stands for.
    """

    __slots__ = ("_before", "_now", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret: Final = secret
        self._now: dict[tuple[bytes, Key], bytes] = {}
        self._before: dict[tuple[bytes, Key], bytes] = {}

    def of(self, limit: bytes, key: Key) -> bytes:
        """The name of a key of a limit."""
        asked = (limit, key)
        found = self._now.get(asked)
        return self._remembered(asked) if found is None else found

    def known(self, limit: bytes) -> list[Key]:
        """The keys of this limit that are remembered."""
        return [key for of, key in {**self._before, **self._now} if of == limit]

    def _remembered(self, asked: tuple[bytes, Key]) -> bytes:
        if len(self._now) >= REMEMBERED:
            self._before, self._now = self._now, {}
        found = self._now[asked] = self._before.get(asked) or name_of(self._secret, *asked)
        return found


def rate_name(secret: bytes, listener: str, spec: LimitSpec) -> bytes:
    """The name of the rate of a limit: one with other numbers is another one."""
    rate = spec.rate
    numbers = () if rate is None else (rate.amount, repr(rate.period), rate.burst)
    return name_of(secret, b"rate", (listener, spec.id, spec.key, numbers, spec.capacity))


def running_name(secret: bytes, listener: str, spec: LimitSpec) -> bytes:
    """The name of the count of what runs: what does so goes on running under another number."""
    return name_of(secret, b"running", (listener, spec.id, spec.key))


def name_of(secret: bytes, limit: bytes, key: Key) -> bytes:
    """The name of a key of a limit."""
    return blake2b(b"%b\0%b" % (limit, _encoded(key)), digest_size=SIZE, key=secret).digest()


def _encoded(part: object) -> bytes:
    """A value as bytes, no two values the same; it says its kind and its length before itself."""
    match part:
        case str():
            return _told(b"s", part.encode("utf-8", "surrogatepass"))
        case Address() | Network():
            return _told(b"a", str(part).encode("ascii"))
        case Missing():
            return _told(b"m", str(part.value).encode("ascii"))
        case tuple():
            return _told(b"t", b"".join(map(_encoded, part)))
        case int():
            return _told(b"i", b"%d" % part)
        case bytes():
            return _told(b"b", part)
        case frozenset():
            return _told(b"f", b"".join(sorted(map(_encoded, part))))
        case None:
            return b"n"
    raise TypeError(f"a limit cannot count by a value of the kind `{type(part).__name__}`")


def _told(kind: bytes, what: bytes) -> bytes:
    return b"%b%d:%b" % (kind, len(what), what)
