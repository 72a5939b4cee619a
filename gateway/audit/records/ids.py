"""Identifiers that sort by time: ULID, 48 bits of milliseconds and 80 random bits in 26 letters.

Within one millisecond, or when the clock steps back, the next identifier is the last one plus one, so that a
source never repeats itself and never goes backwards. The caller brings the clock and the randomness.

Source: https://github.com/ulid/spec (Crockford's base 32 and the monotonic form).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 26
RANDOM_BITS: Final = 80
"""What stands below the milliseconds of an identifier."""

_RANDOM_BYTES: Final = RANDOM_BITS // 8
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
_DIGITS: Final = {letter: value for value, letter in enumerate(ALPHABET)}


@dataclass(slots=True)
class IdSource:
    """Gives out identifiers, each greater than all before it.

    `clock` returns seconds since the epoch, `entropy(n)` returns n random bytes that nobody can guess. `last` is the
    greatest identifier so far as a number; give one that was read back to go on behind it. One thread owns a source.
    """

    clock: Callable[[], float]
    entropy: Callable[[int], bytes]
    last: int = field(default=-1)

    def next(self) -> str:
        """The next identifier: 26 letters, sortable as text."""
        moment = int(self.clock() * 1000)
        if self.last < 0 or moment > self.last >> RANDOM_BITS:
            self.last = moment << RANDOM_BITS | int.from_bytes(self.entropy(_RANDOM_BYTES))
        else:
            self.last += 1
        return encode(self.last)


def encode(number: int) -> str:
    """The letters of a 128-bit number."""
    return "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(120, -1, -10)])


def decode(text: str) -> int | None:
    """The number that `text` spells, or None if it is no identifier."""
    if len(text) != LENGTH or text[0] > "7" or not all(letter in _DIGITS for letter in text):
        return None
    number = 0
    for letter in text:
        number = number << 5 | _DIGITS[letter]
    return number
