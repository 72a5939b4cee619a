"""The lines of a log as bytes, and the leaves of the tree that they stand for.

A line stands for its record by its number and the hash of its bytes without the newline. A record whose time is over
is replaced by a line that holds the hash alone, so that the tree stays as it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.recovery import NUMBER
from gateway.audit.writing.segments import open_lines
from gateway.audit.writing.witness import PRUNED, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRUNED: Final = re.compile(rb'\{"v":1,"seq":[1-9][0-9]{0,18},"%b":"([0-9a-f]{64})"\}\n?' % PRUNED.encode())
_MOST_DIGITS: Final = 18


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a segment with their newlines; the last one may have none. Raises OSError."""
    with open_lines(path) as file:
        yield from file


def seq_in(line: bytes) -> int | None:
    """The number of the record on a line, by the first bytes alone; None if the writer would not have begun so."""
    head = NUMBER.match(line)
    return int(head[1]) if head and len(head[1]) <= _MOST_DIGITS else None


def pruned_leaf(line: bytes) -> bytes | None:
    """The hash that stands for a record whose time is over, if the line is such a one."""
    found = _PRUNED.fullmatch(line)
    return bytes.fromhex(found[1].decode()) if found else None


def leaf_of(line: bytes) -> bytes:
    """The leaf of the tree that a line stands for."""
    return pruned_leaf(line) or leaf_hash(line.removesuffix(b"\n"))
