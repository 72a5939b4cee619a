"""The book of a log: its tree as it grows, on the disk and in memory, and the checkpoints that were signed over it.

What the disk does not take waits, and is written with the next round; a checkpoint is only signed over a tree that is
written. So whoever sees a checkpoint finds the tiles for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.audit.proof.checkpoints import Checkpoint
from gateway.audit.proof.notes import Note
from gateway.audit.proof.store import HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.audit.proof.notes import SigningKey
    from gateway.audit.proof.store import Store
    from gateway.audit.proof.tiles import Edge, Tile


@dataclass(slots=True)
class Book:
    """The tree of the log `origin`. `signed` is the size of the newest checkpoint, -1 if there is none."""

    store: Store
    origin: str
    edge: Edge
    signed: int = -1
    waiting: list[tuple[Tile, bytes]] = field(default_factory=list)
    _unremembered: str | None = None
    _remembered_at: float = 0.0

    def enter(self, leaves: Iterable[bytes]) -> None:
        """Append leaves, and write the tiles that are full. Raises OSError; nothing is lost by that."""
        self.waiting += self.edge.extend(leaves)
        while self.waiting:
            self.store.write(*self.waiting[0])
            del self.waiting[0]

    def sign(self, signers: Sequence[SigningKey], *, remember: float) -> str | None:
        """Publish a checkpoint over all that was entered, or None if there is nothing new. Raises OSError.

        It is remembered if the last one that was is `remember` seconds ago, or if two keys sign it.
        """
        note = None
        if self.edge.size != self.signed or len(signers) > 1:
            for tile, hashes in self.edge.partial():
                self.store.write(tile, hashes)
            note = str(Note.sign(Checkpoint(self.origin, self.edge.size, self.edge.root()).text, signers))
            self._unremembered = note
        if len(signers) > 1 or time.monotonic() - self._remembered_at >= remember:
            self._remember()
        if note is not None:
            self.store.publish(note)
            self.signed = self.edge.size
        return note

    def _remember(self) -> None:
        if self._unremembered is not None:
            self.store.remember(HISTORY, self._unremembered)
            self._unremembered, self._remembered_at = None, time.monotonic()
