"""Reading a file of a million lines: well-formed lines by one regular expression per megabyte, the others one by one.

What the expression takes must be exactly what the slow reader would make of the same line: it is a short cut, no
second opinion. Letters are folded before it looks; the slow reader sees the line as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Wrong
from gateway.policy.errors import quoted

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator

    from gateway.lists.findings import Finding

BLOCK: Final = 1 << 20
"""Bytes looked at in one go: large enough to be fast, small enough that its names are no burden."""

LONGEST_LINE: Final = 4096
_MARK: Final = b"\xef\xbb\xbf"

# Parts of the expressions. What they take, `Host.parse` leaves as it is: no A-labels, which have to be checked, and no
# last label that makes the name an address. Names of more than 253 bytes pass, and are sent back by `overlong`.
LABEL: Final = rb"(?!xn--)[a-z0-9_-]{1,63}+"
LAST_LABEL: Final = rb"(?!xn--|[0-9]++(?![a-z0-9_.-])|0x[0-9a-f]*+(?![a-z0-9_.-]))[a-z0-9_-]{1,63}+"
NAME: Final = rb"(?:" + LABEL + rb"\.)*+" + LAST_LABEL
DOTTED_NAME: Final = rb"(?:" + LABEL + rb"\.)++" + LAST_LABEL
REST: Final = rb"[ \t]*+(?:#[^\n]*+)?\r?$"
NAME_LENGTH: Final = 253


@dataclass(frozen=True, slots=True)
class Reader:
    """How the lines of one format are read.

    `pattern` is multi-line, its one group is what the line says. `several` reads many such groups at once; None sends
    the block back to be read line by line. `one` reads a line, and gives nothing for comments and empty lines.
    """

    pattern: re.Pattern[bytes]
    several: Callable[[list[bytes]], list[Finding] | None]
    one: Callable[[str], Iterable[Finding]]


def read_lines(content: bytes, reader: Reader) -> Iterator[tuple[int, Finding]]:
    """All that a file says, each with the number of its line; for many at once, of the first line of its block."""
    start = len(_MARK) if content.startswith(_MARK) else 0
    line = 1
    while start < len(content):
        end = content.find(b"\n", start + BLOCK) + 1 or len(content)
        block = content[start:end]
        yield from _read_block(block, line, reader)
        line += block.count(b"\n")
        start = end


def _read_block(block: bytes, first: int, reader: Reader) -> Iterator[tuple[int, Finding]]:
    pieces = reader.pattern.split(block.lower())
    found = reader.several(pieces[1::2]) if len(pieces) > 1 else []
    if found is None:
        yield from _one_by_one(block.split(b"\n"), first, reader)
        return
    for each in found:
        yield first, each
    left = b"".join(pieces[::2])
    if left.strip():
        written = block.split(b"\n")
        odd = [original if rest else b"" for rest, original in zip(left.split(b"\n"), written, strict=True)]
        yield from _one_by_one(odd, first, reader)


def _one_by_one(lines: Iterable[bytes], first: int, reader: Reader) -> Iterator[tuple[int, Finding]]:
    for number, line in enumerate(lines, first):
        if line and not line.isspace():
            for found in read_line(line, reader):
                yield number, found


def read_line(line: bytes, reader: Reader) -> Iterable[Finding]:
    """What one line says, without its end."""
    if len(line) > LONGEST_LINE:
        return [Wrong(f"{quoted(line[:80].decode(errors='replace'))}: the line is longer than {LONGEST_LINE} bytes")]
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return [Wrong(f"{quoted(line[:80].decode(errors='replace'))} is not UTF-8")]
    return reader.one(text.rstrip())
