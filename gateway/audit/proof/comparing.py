"""The leaves of a log, compared with its tiles and with every checkpoint that was signed over them.

Two trees grow side by side, one out of the records, one out of the tiles, from where they differ. At every checkpoint
it shows which of them is the one that was signed. If it is the tiles, a record that differs from its tile was changed,
and it is known which. If it is the records, a tile was. If it is neither, both were changed together, somewhere behind
the last checkpoint that agreed: then that range is what can be said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.findings import Place
from gateway.audit.proof.tiles import WIDTH, Edge, tile_of
from gateway.audit.proof.tree import HASH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.audit.proof.checkpoints import Checkpoint
    from gateway.audit.proof.findings import Report
    from gateway.audit.proof.store import SignedLeaves
    from gateway.audit.proof.walking import Step

_NOTHING: Final = bytes(HASH_SIZE)


@dataclass(frozen=True, slots=True)
class Promise:
    """A checkpoint and where it was found: `checkpoints, note 7`, or a line of an anchor."""

    checkpoint: Checkpoint
    source: str


@dataclass(slots=True)
class Comparison:
    """Feeds on the steps of a walk; `promises` in the order of their sizes."""

    report: Report
    told: SignedLeaves
    promises: list[Promise]
    _written: Edge = field(default_factory=Edge)
    _tiled: Edge | None = None
    """The tree out of the tiles, once it is another one than that out of the records."""
    _agreed: int = 0
    _broken: bool = False
    _doubts: list[tuple[int, Place]] = field(default_factory=list)
    _since: Place = field(default_factory=lambda: Place("", 0))

    def run(self, steps: Iterable[Step]) -> None:
        """Compare everything up to the greatest checkpoint."""
        due = iter(self.promises)
        waiting = self._keep(0, next(due, None), due)
        end = Place("", 0)
        for seq, leaf, place in steps:
            end = place
            if waiting is None:
                continue
            self._take(seq, leaf, place)
            if seq == waiting.checkpoint.size:
                waiting = self._keep(seq, waiting, due)
        if waiting is not None:
            self._cut(waiting, end, due)
        for tile in self.told.missing:
            self.report.find(Place(f"proof/{tile.path}", 0), 0, "this file of the tree is missing or too short")

    def _take(self, seq: int, leaf: bytes | None, place: Place) -> None:
        told = self.told.of(seq)
        if leaf != told:
            if leaf is not None and told is not None:
                self._doubts.append((seq, place))
            leaf = leaf or told or _NOTHING
            told = told or leaf
            if told != leaf and self._tiled is None:
                self._tiled = self._written.copy()
        if not self._since.file:
            self._since = place
        self._written.append(leaf or _NOTHING)
        if self._tiled is not None:
            self._tiled.append(told or _NOTHING)

    def _keep(self, seq: int, waiting: Promise | None, due: Iterator[Promise]) -> Promise | None:
        """Hold every checkpoint of this size against the trees; the next one."""
        roots: tuple[bytes, bytes] | None = None
        while waiting is not None and waiting.checkpoint.size == seq:
            written = self._written.root()
            roots = roots or (written if self._tiled is None else self._tiled.root(), written)
            self._judge(waiting, *roots)
            waiting = next(due, None)
        return waiting

    def _judge(self, promise: Promise, tiled: bytes, written: bytes) -> None:
        size, root = promise.checkpoint.size, promise.checkpoint.root
        if root == tiled:
            for seq, place in self._doubts:
                self.report.find(place, seq, "is not what was signed")
            self._written, self._tiled = self._tiled or self._written, None
        elif root == written:
            for seq, place in self._doubts:
                tile = tile_of(0, (seq - 1) // WIDTH, self.told.size)
                self.report.find(
                    Place(f"proof/{tile.path}", 0), 0, f"record {seq} ({place}) is what was signed, this is not"
                )
            self._tiled = None
        elif self._agreed == size:
            self.report.find(Place(promise.source, 0), 0, f"another log of {size} records was signed here")
            return
        else:
            self._disagree(promise)
            return
        self._doubts, self._agreed, self._broken, self._since = [], size, False, Place("", 0)

    def _disagree(self, promise: Promise) -> None:
        """Neither tree is the one that was signed. What is signed later mostly is not either, and adds nothing."""
        if self._broken:
            return
        self._broken = True
        for seq, place in self._doubts:
            self.report.find(place, seq, "differs from the tree, which is not what was signed either")
        span = f"{self._agreed + 1} to {promise.checkpoint.size}"
        what = f"one of the records {span} or more are not what was signed ({promise.source}), and the tree was changed"
        self.report.find(self._since, self._agreed + 1, what)

    def _cut(self, waiting: Promise | None, end: Place, due: Iterator[Promise]) -> None:
        """The log ends before a checkpoint: the records that are gone are known by their tiles at most."""
        last = self.report.last
        greatest = self.promises[-1]
        self.report.find(
            end if end.file else Place("the log", 0),
            last + 1,
            f"the log ends here, and had {greatest.checkpoint.size} records ({greatest.source}): its end was cut off",
        )
        for seq in range(last + 1, self.told.size + 1):
            if waiting is None or self.told.of(seq) is None:
                return
            self._take(seq, None, end)
            if seq == waiting.checkpoint.size:
                waiting = self._keep(seq, waiting, due)
