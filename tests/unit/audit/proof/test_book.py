from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.book import Book
from gateway.audit.proof.checkpoints import Signed
from gateway.audit.proof.store import CHECKPOINT, HISTORY
from gateway.audit.proof.tiles import Edge, Tile
from tests.unit.audit.proof.proved import KEY, OTHER
from tests.unit.audit.proof.trees import leaves, mth

if TYPE_CHECKING:
    from gateway.audit.proof.store import Store

HASHES = leaves(600)


def sizes(store: Store, name: str) -> list[int]:
    return [Signed.open(note, [KEY.verifier]).checkpoint.size for note in store.notes(name)]


def test_a_checkpoint_is_over_everything_that_was_entered(store: Store) -> None:
    book = Book(store, KEY.name, Edge())
    book.enter(HASHES)

    note = book.sign([KEY], remember=0.0)

    assert note is not None
    checkpoint = Signed.open(note, [KEY.verifier]).checkpoint
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (KEY.name, 600, mth(HASHES))
    assert Edge.read(600, store.read).root() == checkpoint.root
    assert store.notes(CHECKPOINT) == store.notes(HISTORY) == [note]


def test_nothing_new_is_not_signed_again(store: Store) -> None:
    book = Book(store, KEY.name, Edge())
    book.enter(HASHES[:5])

    assert book.sign([KEY], remember=0.0) is not None
    assert book.sign([KEY], remember=0.0) is None
    assert sizes(store, HISTORY) == [5]


def test_of_many_checkpoints_only_some_are_remembered(store: Store) -> None:
    book = Book(store, KEY.name, Edge())
    for at in range(4):
        book.enter(HASHES[at : at + 1])
        book.sign([KEY], remember=3600.0)
    assert (sizes(store, CHECKPOINT), sizes(store, HISTORY)) == ([4], [1])

    assert book.sign([KEY], remember=0.0) is None
    assert sizes(store, HISTORY) == [1, 4]


def test_a_checkpoint_of_two_keys_is_always_made_and_remembered(store: Store) -> None:
    book = Book(store, KEY.name, Edge())
    book.enter(HASHES[:5])
    book.sign([KEY], remember=3600.0)

    note = book.sign([KEY, OTHER], remember=3600.0)

    assert note == store.notes(HISTORY)[-1]
    assert Signed.open(str(note), [KEY.verifier, OTHER.verifier]).signers == (KEY.verifier, OTHER.verifier)


def test_tiles_that_the_disk_does_not_take_wait_and_are_written_later(store: Store) -> None:
    book = Book(store, KEY.name, Edge())
    (store.folder / "tile").write_text("in the way")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        book.enter(HASHES)
    assert [tile for tile, _ in book.waiting] == [Tile(0, 0), Tile(0, 1)]

    (store.folder / "tile").unlink()
    book.enter([])

    assert book.waiting == []
    assert book.sign([KEY], remember=0.0) is not None
    assert Edge.read(600, store.read).root() == mth(HASHES)
