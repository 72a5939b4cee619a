"""From what a part of the gateway, or a library, logs to a line that an operator may read, and anybody after him.

A message of ours is shown without what looks like a credential. One of a library may quote what a client sent: only
its first words are shown, up to the first mark that could begin a quotation. Of an exception that nobody expected
nothing is shown but its kind and where it was raised, for its text may hold anything; a traceback never is.
"""

from __future__ import annotations

import logging
import re
from traceback import extract_tb
from typing import TYPE_CHECKING, Final

from gateway.audit.records.redaction import mask_sentence, mask_text
from gateway.logs.lines import Line
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS: Final = ("addons", "gateway")
"""Where the code of this gateway lives, and the first words of the names of its loggers."""
LONGEST: Final = 1000
"""Characters of a sentence that are shown."""
_QUOTATION: Final = re.compile(r"\bb['\"]|[^A-Za-z0-9 ,./_-]")
_ERROR: Final = "error"


def gist(message: str) -> str:
    """The first words of a message of a library, without what it may quote."""
    return mask_text(_QUOTATION.split(message, maxsplit=1)[0].strip()[:LONGEST])


def line_of(record: logging.LogRecord) -> Line:
    """The line for a record of `logging`."""
    error = record.exc_info[1] if record.exc_info else None
    return Line(
        time=record.created,
        level=_ERROR if record.levelno >= logging.ERROR else record.levelname.lower(),
        part=part_of(record.name),
        sentence=_sentence(record) or "something went wrong",
        cause=None if error is None else cause_of(error),
    )


def key_of(record: logging.LogRecord) -> tuple[str, str]:
    """What makes two records the same message: who says it, how loud, and its words without the values in them."""
    words = str(record.msg) if _is_ours(record) else gist(record.getMessage())
    return record.name, f"{record.levelname} {words}"


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in OURS


def part_of(name: str) -> str:
    """`connections.failures` for `addons.connections.failures`; of a library its name alone."""
    first, _, rest = name.partition(".")
    return rest if first in OURS and rest else first


def cause_of(error: BaseException) -> str:
    """A few words for an exception: what kind it is and where it comes from, never what it says."""
    kind = _words(error) if _is_understood(error) else type(error).__name__
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    if not frames:
        return kind
    place = "/".join(frames[-1].filename.split("/")[-2:])
    return f"{kind} in {place}:{frames[-1].lineno}"


def _sentence(record: logging.LogRecord) -> str:
    if not _is_ours(record):
        return gist(record.getMessage())
    given = record.args if isinstance(record.args, tuple) else ()
    return mask_text(record.msg % tuple(_shown(given)) if given else str(record.msg))[:LONGEST]


def _shown(values: Iterable[object]) -> Iterable[object]:
    return (_words(each) if isinstance(each, BaseException) else each for each in values)


def _is_understood(error: BaseException) -> bool:
    return isinstance(error, OSError) or type(error).__module__.startswith(OURS)


def _words(error: BaseException) -> str:
    """What an exception says, if that was written by us or by the system."""
    if isinstance(error, Malformed):
        return mask_sentence(str(error))
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    return mask_text(str(error)) if _is_understood(error) else type(error).__name__
