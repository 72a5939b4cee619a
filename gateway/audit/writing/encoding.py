"""A record as bytes: compact JSON in printable ASCII, the same bytes for the same record on every machine.

`orjson` writes UTF-8. What is not printable ASCII after it is written again by `json`, which escapes it: a control
character, a letter that turns the direction of a line or one that looks like another never reaches the file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from gateway.audit.records.record import Record


def _no_json(value: object) -> object:
    # Said here because libraries replace what the class says, for the whole process.
    raise TypeError(f"a {type(value).__name__} is no JSON")


_escaped: Final = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, allow_nan=False, default=_no_json
).encode
_DELETE: Final = b"\x7f"
_SMALL: Final = 0.001
_GREAT: Final = 1e15
NotSaid: Final = orjson.JSONEncodeError
"""What `orjson` cannot say: half of a surrogate pair, a number beyond 64 bits, what is no JSON."""


def body(record: Record) -> bytes:
    """The record without its opening brace: the backlog puts `v` and `seq` in front.

    Raises ValueError or TypeError for what JSON cannot hold.
    """
    try:
        text = orjson.dumps(record)
    except NotSaid:  # `json` can say it, or says why not
        return _escaped(record)[1:].encode("ascii")
    if text.isascii() and _DELETE not in text:
        return text[1:]
    return _escaped(record)[1:].encode("ascii")


def part(value: object) -> str:
    """A part of a record as `body` has it, if `is_plain` says so of the whole. Raises NotSaid for what has no text."""
    return orjson.dumps(value).decode()


def number(value: float) -> str:
    """The same of a number; most of them are spelled by `repr` as by the encoder, for half the price."""
    return repr(value) if _SMALL <= value < _GREAT or value == 0.0 else part(value)


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII, so that it stands in the log as `part` gave it."""
    return text.isascii() and "\x7f" not in text
