"""Which bytes are text at all: UTF-8, without what no editor shows.

Besides control characters, the characters that turn the direction of writing are refused: with them a line can be
read otherwise than it is meant. Line breaks that only YAML knows would make its line numbers differ from an editor's.

Source: YAML 1.1, 5.1 (character set); Boucher and Anderson, Trojan Source (CVE-2021-42574).
"""

from __future__ import annotations

import re
from typing import Final

from gateway.policy.problems import Place, Problem

_UNWELCOME: Final = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]"  # what YAML calls unprintable
    "|[\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff]"
    "|\\r(?!\\n)"
)


def unwelcome(text: str) -> str | None:
    """The first character of `text` that a file must not hold, as its code point (`U+0007`), or None."""
    found = _UNWELCOME.search(text)
    return None if found is None else f"U+{ord(found.group()[0]):04X}"


def decoded(text: str | bytes, file: str) -> tuple[str | None, list[Problem]]:
    """The characters of a file, or None and what is wrong with them."""
    if isinstance(text, bytes):
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            return None, [Problem(Place(file, 1, 1), "", "the file is UTF-16, save it as UTF-8")]
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = _line_and_column(error.object[: error.start].decode("utf-8"))
            return None, [Problem(Place(file, line, column), "", "this is no UTF-8, save the file as UTF-8")]
    if text.startswith("\ufeff"):
        sentence = "the file begins with a byte order mark, save it as UTF-8 without one"
        return None, [Problem(Place(file, 1, 1), "", sentence)]
    found = _UNWELCOME.search(text)
    if found is None:
        return text, []
    line, column = _line_and_column(text[: found.start()])
    sentence = f"the character {unwelcome(found.group())} cannot be seen and is not allowed, leave it out"
    return None, [Problem(Place(file, line, column), "", sentence)]


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")
