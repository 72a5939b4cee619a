"""Records whose time is over leave the log, and the proofs of all others stay good.

The line of a removed record is replaced by one that holds its number and the hash that it has as a leaf of the Merkle
tree over the log (`gateway.audit.writing.witness`), and nothing else: the tree stays as it was. Only segments at the
very beginning of the log are removed as a whole, once nothing but such lines is left in them.

A kind is removed from a segment when the segment has been closed for longer than the kind is kept: its youngest record
was written before that. So a record may stay longer than its time by the age of a segment, and never goes too early.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.audit.writing.kinds import kind_of
from gateway.audit.writing.recovery import parse_line
from gateway.audit.writing.segments import born
from gateway.audit.writing.witness import PRUNED, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(slots=True)
class Removed:
    """What was removed from one segment: how many records of each kind, and the numbers of the first and the last."""

    kinds: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0
    left: int = 0

    def note(self, kind: str, seq: int) -> None:
        """One more record goes."""
        self.kinds[kind] += 1
        self.first, self.last = self.first or seq, seq


def over(path: Path, successor: Path, retain: Mapping[str, float], now: float) -> frozenset[str]:
    """The kinds whose time is over in the segment at `path`, which was closed when `successor` was begun."""
    closed = max(born(path), born(successor))
    return frozenset(kind for kind, seconds in retain.items() if closed + seconds <= now)


def prune(lines: Iterable[bytes], kinds: frozenset[str], removed: Removed) -> Iterator[bytes]:
    """The lines of a segment without the records of these kinds; `removed` is filled as they are passed."""
    for line in lines:
        record = parse_line(line) if line.endswith(b"\n") else None
        if record is None:
            removed.left += 1
            yield line
        elif PRUNED in record:
            yield line
        elif (kind := kind_of(record)) in kinds:
            seq = int(str(record["seq"]))
            removed.note(kind, seq)
            yield b'{"v":1,"seq":%d,"%b":"%b"}\n' % (seq, PRUNED.encode(), leaf_hash(line[:-1]).hex().encode())
        else:
            removed.left += 1
            yield line


def whole(path: Path, found: Sequence[Path], removed: Removed) -> bool:
    """Whether the segment goes as a whole: nothing is left in it, and none is before it."""
    return removed.left == 0 and path == found[0]
