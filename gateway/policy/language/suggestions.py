"""What somebody probably meant: the nearest of the words that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NEAR: Final = 0.6
"""How much of two words must agree, from 0 to 1, for one to be meant by the other."""
MANY: Final = 16
"""More words than that are not worth reading in an error."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is most like, or None if it is like none of them."""
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes pay for it

    by_lower = {candidate.lower(): candidate for candidate in sorted(known)}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=NEAR)
    return by_lower[found[0]] if found else None


def way_out(word: str, known: Iterable[str], *, otherwise: str = "known are") -> str:
    """The end of a sentence about an unknown word: `did you mean ...?`, or the few words that are known."""
    words = tuple(known)
    near = nearest(word, words)
    if near is not None:
        return f", did you mean `{near}`?"
    if not words or len(words) > MANY:
        return ""
    return f", {otherwise} {listed(words)}"


def listed(words: Iterable[str]) -> str:
    """Words in backticks, in the order given: "`a`, `b`"."""
    return ", ".join(f"`{word}`" for word in words)
