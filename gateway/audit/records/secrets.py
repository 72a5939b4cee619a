"""What looks like a credential in a text: one pass that masks it, linear in the length of the text.

It knows tokens by their prefix, JSON Web Tokens (RFC 7519), PEM (RFC 7468), user information in an address (RFC 3986
section 3.2.1), matrix parameters (`;jsessionid=`), and long runs that look like random letters rather than words.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

MASK: Final = "REDACTED"
"""What stands in the log where a value was."""

_WORTH_A_LOOK: Final = re.compile(r"[A-Za-z0-9_+=%.~-]{16}|[@;]|%(?:40|3B)|-----")
# Every alternative begins with a letter of its own, so that the search passes over all other letters at once.
_NAMED: Final = re.compile(
    r"""
      -----BEGIN.*                                                                   # PEM, to the end
    | eyJ[A-Za-z0-9_=-]{6,}(?:\.[A-Za-z0-9_=-]*){0,4}                                # JWT, JWE
    | A(?:3T[A-Z0-9]|KIA|SIA|BIA|CCA|GPA|IDA|ROA|IPA|NPA|NVA)[A-Z0-9]{12,}           # AWS
    | AIza[A-Za-z0-9_-]{20,} | ya29\.[A-Za-z0-9_.-]+ | GOCSPX-[A-Za-z0-9_-]+         # Google
    | gh[pousr]_[A-Za-z0-9]{16,} | github_pat_[A-Za-z0-9_]{16,} | gl[a-z]{2,5}-[A-Za-z0-9_-]{16,}
    | xox[a-z]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}                            # Slack
    | sk_(?:live|test)_[A-Za-z0-9]{10,} | rk_(?:live|test)_[A-Za-z0-9]{10,} | whsec_[A-Za-z0-9]{10,}  # Stripe
    | sk-[A-Za-z0-9_-]{16,} | SG\.[A-Za-z0-9_.-]{16,} | hf_[A-Za-z0-9]{16,} | hv[sb]\.[A-Za-z0-9_-]{16,}
    | npm_[A-Za-z0-9]{16,} | pypi-[A-Za-z0-9_-]{16,} | do[opr]_v1_[0-9a-f]{16,}
    """,
    re.VERBOSE | re.DOTALL,
)
_SEGMENTS: Final = re.compile(r"(/+)")
_AT: Final = re.compile(r"(.*)(@|%40)", re.DOTALL)
_MATRIX: Final = re.compile(r"((?:;|%3B)[^/=;%]*(?:=|%3D))[^/;]+")
_LONG_RUN: Final = re.compile(r"(?:[A-Za-z0-9_+=-]|%2B|%2F|%3D){20,}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_LONG_HEX: Final = re.compile(r"[0-9a-fA-F]{32,}")
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9]{16,}")
_EVERY_KIND: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])[^A-Z]*[A-Z]")
_RESTLESS: Final = 0.5
_DIGITS_OF_CHANCE: Final = 2


def mask_secrets(text: str) -> str:
    """`text` with `REDACTED` in place of everything that looks like a credential."""
    if _WORTH_A_LOOK.search(text) is None:
        return text
    if "@" in text or "%40" in text:
        text = _mask_user_information(text)
    if ";" in text or "%3B" in text:
        text = _MATRIX.sub(rf"\1{MASK}", text)
    text = _NAMED.sub(MASK, text)
    return _LONG_RUN.sub(lambda run: MASK if _looks_random(run[0]) else run[0], text)


def _mask_user_information(text: str) -> str:
    """Mask what stands before `@` where an authority may stand: behind `//` or `:/`, or with a colon of its own.

    `/@scope/package` and `/package@1.2` keep theirs.
    """
    parts = _SEGMENTS.split(text)
    for i in range(0, len(parts), 2):
        found = _AT.match(parts[i])
        authority = i > 0 and (parts[i - 1] != "/" or parts[i - 2].endswith(":"))
        if found and found[1] and (authority or ":" in found[1] or "%3A" in found[1]):
            parts[i] = MASK + parts[i][found.end(1) :]
    return "".join(parts)


def _looks_random(run: str) -> bool:
    """Whether a long run is no words: hexadecimal, or letters of both cases and digits mixed without a break."""
    if _UUID.match(run):
        return False
    if _LONG_HEX.search(run) or any(_is_mixed(part) for part in _ALPHANUMERIC.findall(run)):
        return True
    if _EVERY_KIND.match(run) is None:
        return False
    kinds = [_kind(letter) for letter in run if letter.isalnum()]
    return sum(before != after for before, after in pairwise(kinds)) >= _RESTLESS * len(kinds)


def _is_mixed(part: str) -> bool:
    digits = sum(map(str.isdigit, part))
    turns = sum(before.isupper() is not after.isupper() for before, after in pairwise(part))
    return _DIGITS_OF_CHANCE <= digits < len(part) or turns >= len(part) // 3


def _kind(letter: str) -> str:
    if letter.isdigit():
        return "digit"
    return "lower" if letter.islower() else "upper"
