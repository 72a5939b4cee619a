"""What is said of text that has no canonical form.

The sentences reach people: pages, logs, `policy check`. So they show a short, printable piece of the offending
text and never user information, query strings or field values, which may hold secrets.
"""

from __future__ import annotations

from typing import Final

SHOWN: Final = 80
"""How many characters of an offending text a sentence shows."""


class Malformed(ValueError):  # noqa: N818 - the word says what the text is, and reads well where it is caught
    """Text without a canonical form. `str(error)` is a sentence: "host `exa mple`: spaces are not allowed"."""


class TooLong(Malformed):
    """Text above a stated bound: the caller may have a status of its own for that (414, 431)."""


def quoted(text: str) -> str:
    """The text in backticks, shortened, with everything that does not print escaped."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return f"`{''.join(_printable(character) for character in shown)}`"


def _printable(character: str) -> str:
    if character == "`":
        return "\\x60"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
