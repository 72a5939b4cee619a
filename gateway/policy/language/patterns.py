r"""Patterns: RE2, so that no text a client sends can make matching slow; always matched against the whole value.

A pattern that looked for its text anywhere would be read one way by the author of `matches: /admin` and another way
by the author of `matches: ^/admin$`, so anchors are refused instead of guessed at. `.` stands for every character,
the line feed too: `%0a` at the end of a path evades nothing.

Source: RE2 syntax (https://github.com/google/re2/wiki/Syntax).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.errors import Malformed, quoted

if TYPE_CHECKING:
    from typing import Self

MAX_LENGTH: Final = 512
"""Characters of a pattern."""
MAX_MEMORY: Final = 1 << 20
"""Bytes that one compiled pattern may take."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that compiles. Make one with `parse`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a pattern; raises Malformed with the reason in plain words."""
        problem = _problem(text)
        if problem is not None:
            raise Malformed(f"pattern {quoted(text)}: {problem}")
        return cls(text)

    def matches(self, value: str) -> bool:
        """Whether the whole of `value` is what the pattern says."""
        return _compiled(self.text).fullmatch(value.encode("utf-8", "replace")) is not None

    def __str__(self) -> str:
        return self.text


def _problem(text: str) -> str | None:
    if not text:
        return "is empty, it would match nothing but the empty value; use `is`"
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters, use `is`, `prefix` or `contains` with a list"
    if text.startswith("^") or _ends_in_anchor(text):
        return "the whole value must match anyway, leave out `^` and `$` and write `.*` where anything may stand"
    try:
        _compiled(text)
    except UnicodeEncodeError:
        return "holds characters that are no text"
    except ValueError as error:
        return str(error)
    return None


def _ends_in_anchor(text: str) -> bool:
    body = text.removesuffix("$")
    backslashes = len(body) - len(body.rstrip("\\"))
    return body != text and backslashes % 2 == 0


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Any:
    import re2  # noqa: PLC0415 - only policies with a pattern pay for it

    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.max_mem = MAX_MEMORY
    options.never_capture = True  # nobody asks what a group matched, and keeping track of it costs
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise ValueError(_in_plain_words(error)) from None


_WORDS: Final = {
    "missing )": "a `(` is opened but never closed",
    "unexpected )": "a `)` closes nothing",
    "missing ]": "a `[` is opened but never closed",
    "invalid perl operator": "look-around is not part of the language, use a second condition or `not`",
    "invalid escape sequence": "the escape is unknown (back-references are not part of the language)",
    "invalid repetition size": "a repetition may count to 1000 in all",
    "invalid character class range": "the character class does not exist or runs backwards",
    "no argument for repetition operator": "a repetition stands where there is nothing to repeat",
    "bad repetition operator": "a repetition follows another repetition",
    "invalid named capture group": "the name of a group is not allowed here, use `(?:...)`",
    "trailing \\": "ends in a single backslash, write `\\\\` for a backslash",
    "pattern too large": "is too large once its repetitions are written out",
    "invalid UTF-8": "holds characters that are no text",
}


def _in_plain_words(error: Exception) -> str:
    raw = error.args[0] if error.args else ""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    kind, _, detail = text.partition(": ")
    words = next((words for start, words in _WORDS.items() if kind.startswith(start)), "is no pattern that can be read")
    return f"{words}: `{detail}`" if detail else words
