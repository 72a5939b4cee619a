"""Older segments, looked at in passing when the log is opened: what shows without reading them to their end.

Every segment has to begin with a record that was signed. A plain one has to end with one, too, and the next segment has
to go on there; a compressed one has to hold its frames as long as they say they are, which is seen without unpacking
them. What was changed in the middle of a segment shows to `audit verify` alone.

Source: RFC 8878 section 3.1.1 (frames), 3.1.1.2 (blocks), 3.1.2 (skippable frames).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.reading import leaf_of, lines_of, seq_in
from gateway.audit.writing.errors import words
from gateway.audit.writing.segments import COMPRESSED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from gateway.audit.proof.store import SignedLeaves

PATIENCE: Final = 1.0
"""Seconds after which no further segment is looked at: a start stays quick, however long the log is."""
_TAIL: Final = 2 * 1024 * 1024
"""Bytes at the end of a segment that hold its last record: no record is longer."""
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_RLE: Final = 1


def glance(older: Sequence[Path], before: int, told: SignedLeaves, patience: float = PATIENCE) -> Iterator[str]:
    """What is wrong with these segments, the newest first; `before` is the first record of the one behind them."""
    end = time.monotonic() + patience
    for path in reversed(older):
        try:
            before = (yield from _looked_at(path, before, told)) or before
        except OSError as error:
            yield f"{path.name}: it cannot be read: {words(error)}"
        if time.monotonic() > end:
            return


def _looked_at(path: Path, before: int, told: SignedLeaves) -> Generator[str, None, int]:
    """What is wrong with a segment; the number of its first record, 0 for one that holds none."""
    if not path.stat().st_size:
        return 0  # a disk that failed at once leaves such a one; what is missing shows at the segment before it
    if path.name.endswith(COMPRESSED):
        if not is_whole(path.read_bytes()):
            yield f"{path.name}: the compressed segment is damaged, or was cut short"
    else:
        yield from _end(path, before, told)
    line = next(lines_of(path), b"")
    seq = seq_in(line) or 0
    if not seq:
        yield f"{path.name}:1: this is no record"
    elif told.of(seq) not in {None, leaf_of(line)}:
        yield f"{path.name}:1: record {seq} is not what was signed"
    return seq


def _end(path: Path, before: int, told: SignedLeaves) -> Iterator[str]:
    """What is wrong with the end of a plain segment. Its last line may be torn: then the next one says it again."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        lines = file.read().splitlines(keepends=True)
    last = next((line for line in reversed(lines) if line.endswith(b"\n")), None)
    if last is None:
        return
    seq = seq_in(last) or 0
    if not seq:
        yield f"{path.name}: its last line is no record"
    elif told.of(seq) not in {None, leaf_of(last)}:
        yield f"{path.name}: record {seq}, its last one, is not what was signed"
    elif before > seq + 1:
        yield f"{path.name}: records {seq + 1} to {before - 1} were behind it, and are gone"


def is_whole(packed: bytes) -> bool:
    """Whether these are Zstandard frames that end where they say; nothing is unpacked."""
    at = 0
    while 0 <= at < len(packed):
        at = _frame_end(packed, at)
    return at == len(packed) > 0


def _frame_end(packed: bytes, at: int) -> int:
    """Where the frame ends that begins here; -1 if it is none, beyond the end if it was cut short."""
    if packed[at + 1 : at + 4] == _SKIPPABLE and packed[at] >> 4 == 5:  # noqa: PLR2004 - 0x184D2A50 to 5F
        return at + 8 + int.from_bytes(packed[at + 4 : at + 8], "little")
    if packed[at : at + 4] != _MAGIC or len(packed) < at + 5:
        return -1
    described = packed[at + 4]
    is_single, has_checksum = described >> 5 & 1, described >> 2 & 1
    sizes = (is_single, 2, 4, 8)[described >> 6]
    at += 5 + (1 - is_single) + (0, 1, 2, 4)[described & 3] + sizes
    while len(packed) >= at + 3:
        block = int.from_bytes(packed[at : at + 3], "little")
        at += 3 + (1 if block >> 1 & 3 == _RLE else block >> 3)
        if block & 1:
            return at + 4 * has_checksum
    return len(packed) + 1
