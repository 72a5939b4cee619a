"""What proves a log, in the folder `proof` beside its segments.

    tile/...      the tree (https://c2sp.org/tlog-tiles)
    checkpoint    the newest checkpoint
    checkpoints   one a minute, and the last one of every key, one note after the other
    keys          the announcement of every key, one note after the other
    signing.key   the private key of today; `next.key` while it is handed over

Tiles are not synced: whatever a loss of power takes from them is computed again out of the segments.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.notes import notes_in
from gateway.audit.proof.tiles import WIDTH, Tile, tile_of
from gateway.audit.proof.tree import HASH_SIZE
from gateway.audit.writing.segments import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "proof"
CHECKPOINT: Final = "checkpoint"
HISTORY: Final = "checkpoints"
KEYS: Final = "keys"
_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700


@dataclass(frozen=True, slots=True)
class Store:
    """The folder. Every method may raise OSError."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.folder.mkdir(_PRIVATE_DIRECTORY, exist_ok=True)
        self.folder.chmod(_PRIVATE_DIRECTORY)

    def read(self, tile: Tile) -> bytes:
        """The hashes of a tile; of a partial one also out of a wider one. Raises FileNotFoundError if it is not there.

        A file that is shorter than its name says counts as not there.
        """
        wanted = tile.width * HASH_SIZE
        for path in self._holders(tile):
            with suppress(FileNotFoundError):
                held = path.read_bytes()
                if len(held) >= wanted:
                    return held[:wanted]
        raise FileNotFoundError(2, "no such tile", str(self.folder / tile.path))

    def write(self, tile: Tile, hashes: bytes) -> None:
        """Keep a tile; a full one takes the place of the partial ones that led to it."""
        path = self.folder / tile.path
        self._make_room(path.parent)
        _replace(path, hashes)
        if tile.width == WIDTH:
            partial = path.with_name(f"{path.name}.p")
            if partial.is_dir():
                for each in partial.iterdir():
                    each.unlink()
                partial.rmdir()

    def publish(self, checkpoint: str) -> None:
        """Put the newest checkpoint where everybody looks for it."""
        _replace(self.folder / CHECKPOINT, checkpoint.encode())

    def remember(self, name: str, note: str) -> None:
        """Append a note to `checkpoints` or `keys`, down to the disk."""
        descriptor = os.open(
            self.folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE
        )
        try:
            os.write(descriptor, note.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_directory(self.folder)

    def notes(self, name: str) -> list[str]:
        """The notes of a file; none if it is not there."""
        try:
            return notes_in((self.folder / name).read_text("utf-8", "replace"))
        except FileNotFoundError:
            return []

    def _make_room(self, folder: Path) -> None:
        """Make the folders of a tile, never the one of the proof: if that is gone, nothing in it is what it was."""
        if folder.is_dir():
            return
        if folder.parent != self.folder:
            self._make_room(folder.parent)
        folder.mkdir(_PRIVATE_DIRECTORY)

    def _holders(self, tile: Tile) -> list[Path]:
        exact = self.folder / tile.path
        if tile.width == WIDTH:
            return [exact]
        full = self.folder / Tile(tile.level, tile.index).path
        wider = [each for each in exact.parent.glob("*") if each.name.isdigit() and int(each.name) > tile.width]
        return [exact, full, *sorted(wider)]


@dataclass(slots=True)
class SignedLeaves:
    """The leaves of a tree of `size` records as its tiles tell them, one tile at a time in memory."""

    store: Store
    size: int
    missing: list[Tile] = field(default_factory=list)
    _index: int = -1
    _held: bytes = b""

    def of(self, seq: int) -> bytes | None:
        """The leaf of a record by its number; None if its tile is not there, or it is beyond the tree."""
        index, at = divmod(seq - 1, WIDTH)
        if index != self._index:
            self._index, self._held = index, self._read(index)
        return self._held[at * HASH_SIZE : (at + 1) * HASH_SIZE] or None

    def _read(self, index: int) -> bytes:
        if index * WIDTH >= self.size:
            return b""
        tile = tile_of(0, index, self.size)
        try:
            return self.store.read(tile)
        except FileNotFoundError:
            self.missing.append(tile)
            return b""


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old one or the new one, and nothing between."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
    draft.replace(path)
