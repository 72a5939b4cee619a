"""Where the tree of a log goes on at start: behind its newest checkpoint, if the records are still what was signed.

Nothing is ever made to fit. Files of the tree that a crash has damaged are computed again out of the segments, and that
counts if it leads to the root that was signed. If it does not, or a record of the newest segment is not what the tree
says, that is told; the tree keeps what was signed as far as it is known, and the gateway starts: an intruder who could
stop it by changing a file would only need to do that. `audit verify` reads all segments, this only the newest one, and
of the older ones what can be seen in passing (`glancing`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.checkpoints import Checkpoint, Signed
from gateway.audit.proof.glancing import glance
from gateway.audit.proof.notes import BadNote
from gateway.audit.proof.reading import leaf_of, lines_of, seq_in
from gateway.audit.proof.store import CHECKPOINT, HISTORY, SignedLeaves
from gateway.audit.proof.tiles import Edge, Tile
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.audit.proof.keychain import Keychain
    from gateway.audit.proof.records import Outcome
    from gateway.audit.proof.store import Store

NOTHING: Final = leaf_hash(b"")
"""The leaf of a number that had no record when the tree was made."""
_MOST_PROBLEMS: Final = 5


@dataclass(slots=True)
class Resumed:
    """The tree to go on with, and what was found on the way; `signed` is the newest checkpoint that holds."""

    edge: Edge = field(default_factory=Edge)
    outcome: Outcome = "began"
    problems: list[str] = field(default_factory=list)
    signed: Checkpoint | None = None

    def tampered(self, problem: str) -> None:
        """Something is not what was signed. Only the first of many problems are told, `audit verify` tells all."""
        self.outcome = "tampered"
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)


def resume(directory: Path, store: Store, keys: Keychain) -> Resumed:
    """Find the end of the tree, and append what the log holds beyond it. Raises OSError."""
    resumed = Resumed()
    newest = newest_checkpoint(store, keys)
    if newest is not None:
        resumed.signed, resumed.outcome = newest, "sound"
        _restore(directory, store, newest, resumed)
        _compare(directory, store, newest.size, resumed)
    for tile, hashes in resumed.edge.extend(_leaves(directory, resumed.edge.size)):
        store.write(tile, hashes)
    return resumed


def newest_checkpoint(store: Store, keys: Keychain) -> Checkpoint | None:
    """The checkpoint with the most records that one of these keys has signed."""
    found = list[Checkpoint]()
    for note in (*store.notes(CHECKPOINT), *store.notes(HISTORY)[-1:]):
        try:
            found.append(Signed.open(note, keys.keys).checkpoint)
        except BadNote:
            continue
    return max(found, key=lambda each: each.size, default=None)


def _restore(directory: Path, store: Store, signed: Checkpoint, resumed: Resumed) -> None:
    """The edge of the tree that was signed: out of its tiles, else out of the records."""
    try:
        resumed.edge = Edge.read(signed.size, store.read)
    except FileNotFoundError:
        pass
    else:
        if resumed.edge.root() == signed.root:
            return
    again, tiles = Edge(), list[tuple[Tile, bytes]]()
    for leaf in _leaves(directory, 0):
        tiles += again.append(leaf)
        if again.size == signed.size:
            break
    if again.size < signed.size or again.root() != signed.root:
        resumed.tampered(f"the records up to {signed.size} and the files of the tree both differ from the checkpoint")
        _fill(again, signed.size)
    else:
        resumed.outcome = "repaired"
        resumed.problems.append("files of the tree were damaged, and were made again from the records")
    for tile, hashes in (*tiles, *again.partial()):
        store.write(tile, hashes)
    resumed.edge = again


def _fill(edge: Edge, size: int) -> None:
    """A tree that lost its end keeps the numbers that were given away."""
    for _ in range(size - edge.size):
        edge.append(NOTHING)


def _compare(directory: Path, store: Store, size: int, resumed: Resumed) -> None:
    """The records of the newest segment that holds any with the leaves that were signed; the older ones in passing."""
    told, first, last, older = SignedLeaves(store, size), 0, 0, segments(directory)
    while older and not last:
        path = older.pop()
        for number, line in enumerate(_readable(path), 1):
            seq = (seq_in(line) or 0) if line.endswith(b"\n") else 0
            first, last = first or seq, max(last, seq)
            if 0 < seq <= size and told.of(seq) not in {None, leaf_of(line)}:
                resumed.tampered(f"{path.name}:{number}: record {seq} is not what was signed")
    if last < size:
        resumed.tampered(f"records {last + 1} to {size} were signed and are gone, their numbers stay taken")
    for problem in glance(older, first, told):
        resumed.tampered(problem)


def _leaves(directory: Path, after: int) -> Iterator[bytes]:
    """The leaves behind the first `after` ones; numbers without a record have a leaf that says so."""
    expected = after + 1
    for path in _from(segments(directory), expected):
        for line in _readable(path):
            seq = seq_in(line) if line.endswith(b"\n") else None
            if seq is None or seq < expected:
                continue
            yield from (NOTHING for _ in range(seq - expected))
            yield leaf_of(line)
            expected = seq + 1


def _from(files: Sequence[Path], seq: int) -> Sequence[Path]:
    """The segments from the one on that may hold a record."""
    for at in range(len(files) - 1, 0, -1):
        first = next((found for line in _readable(files[at]) if (found := seq_in(line)) is not None), None)
        if first is not None and first <= seq:
            return files[at:]
    return files


def _readable(path: Path) -> Iterator[bytes]:
    """The lines of a segment, as far as it can be read."""
    with suppress(OSError):
        yield from lines_of(path)
