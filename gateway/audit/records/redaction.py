"""What must not reach the log is taken out before a record exists, not when it is read.

Query names are kept and their values masked unless the operator listed the name; of fields nothing is kept but the
values of those that the operator listed. Paths, sentences and what is listed run through a pass over what looks like a
credential (`gateway.audit.records.secrets`). Masking too much costs a clue, masking too little costs a secret: where
in doubt, it masks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.audit.records.secrets import MASK, mask_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_TEXT: Final = 8192
"""Characters of a path or sentence that a record keeps."""

LONGEST_VALUE: Final = 512
"""Characters of a field's value that a record keeps."""

_CUT: Final = "..."
_QUERY_NAME: Final = re.compile(r"[A-Za-z0-9_.$\[\]-]{1,64}\Z")
_BARE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,15}\Z")


def mask_query(parameters: Iterable[tuple[str, str]], shown: frozenset[str]) -> dict[str, str | list[str]]:
    """The query as a record holds it: every name once, in order; values of names in `shown` alone.

    A name that does not look like one (a token sent as `?the-token-itself`) is masked as a whole.
    """
    masked: dict[str, str | list[str]] = {}
    for name, value in parameters:
        if not _is_name(name, value):
            masked[MASK] = MASK
        elif name in shown:
            masked[name] = _joined(masked.get(name), mask_text(value))
        else:
            masked[name] = MASK
    return masked


def mask_fields(fields: Iterable[tuple[str, str]], shown: frozenset[str]) -> dict[str, str | list[str]]:
    """The values of the fields whose names are in `shown`, all in lower case; without what looks like a credential."""
    masked: dict[str, str | list[str]] = {}
    for name, value in fields:
        if name in shown:
            masked[name] = _joined(masked.get(name), mask_text(value)[:LONGEST_VALUE])
    return masked


def mask_text(text: str) -> str:
    """`text` without what looks like a credential, shortened to what a record keeps."""
    masked = mask_secrets(text[: 2 * LONGEST_TEXT])
    return masked if len(masked) <= LONGEST_TEXT else masked[:LONGEST_TEXT] + _CUT


def mask_sentence(sentence: str) -> str:
    """A sentence about a request without what it quotes in backticks: that is what the client sent.

    Everything from the first backtick to the last is the quotation: what a client sent may hold backticks of its own.
    """
    before, tick, rest = sentence.partition("`")
    if not tick:
        return mask_text(sentence)
    after = rest.rpartition("`")[2] if "`" in rest else ""
    return mask_text(f"{before}`{MASK}`{after}")


def _is_name(name: str, value: str) -> bool:
    shape = _QUERY_NAME if value else _BARE_NAME
    return shape.match(name) is not None and mask_secrets(name) == name


def _joined(before: str | list[str] | None, value: str) -> str | list[str]:
    match before:
        case None:
            return value
        case str():
            return [before, value]
        case _:
            return [*before, value]


def pointer(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")
