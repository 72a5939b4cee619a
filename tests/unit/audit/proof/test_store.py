from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.store import CHECKPOINT, HISTORY, SignedLeaves
from gateway.audit.proof.tiles import Tile
from tests.unit.audit.proof.proved import KEY, store_of
from tests.unit.audit.proof.trees import Shelf, leaves

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.proof.store import Store

HASHES = leaves(300)


def filled(store: Store, size: int = 300) -> None:
    for tile, hashes in Shelf(HASHES[:size]).tiles.items():
        store.write(tile, hashes)


def test_a_tile_is_kept_where_the_specification_says(store: Store) -> None:
    store.write(Tile(0, 1067, 2), b"".join(HASHES[:2]))

    assert (store.folder / "tile/0/x001/067.p/2").read_bytes() == b"".join(HASHES[:2])


def test_a_full_tile_takes_the_place_of_the_partial_ones(store: Store) -> None:
    filled(store)

    assert (store.folder / "tile/0/000").is_file()
    assert not (store.folder / "tile/0/000.p").exists()
    assert store.read(Tile(0, 0, 7)) == b"".join(HASHES[:7])


def test_a_partial_tile_is_found_in_a_wider_one(store: Store) -> None:
    store.write(Tile(0, 0, 9), b"".join(HASHES[:9]))

    assert store.read(Tile(0, 0, 3)) == b"".join(HASHES[:3])
    with pytest.raises(FileNotFoundError, match="no such tile"):
        store.read(Tile(0, 0, 10))


def test_a_tile_that_is_too_short_is_none(store: Store) -> None:
    store.write(Tile(0, 0), b"".join(HASHES[:255]))

    with pytest.raises(FileNotFoundError):
        store.read(Tile(0, 0))


def test_only_the_owner_reads_what_is_kept(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    store.prepare()
    store.publish("a\n\n\N{EM DASH} b\n")
    store.remember(HISTORY, "a\n")

    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE((store.folder / name).stat().st_mode) for name in (CHECKPOINT, HISTORY)] == [0o600, 0o600]


def test_notes_are_remembered_in_their_order(store: Store) -> None:
    notes = [f"{number}\n\n\N{EM DASH} {KEY.name} AAAAAAAA\n" for number in range(3)]
    for note in notes:
        store.remember(HISTORY, note)
        store.publish(note)

    assert store.notes(HISTORY) == notes
    assert store.notes(CHECKPOINT) == notes[-1:]
    assert store.notes("keys") == []


def test_leaves_are_told_by_their_numbers_and_missing_tiles_are_noted(store: Store) -> None:
    filled(store)
    told = SignedLeaves(store, 300)

    assert [told.of(seq) for seq in (1, 256, 257, 300)] == [HASHES[at] for at in (0, 255, 256, 299)]
    assert told.of(301) is None
    assert told.of(1000) is None
    assert told.missing == []

    (store.folder / "tile/0/000").unlink()
    assert SignedLeaves(store, 300).of(5) is None
    assert (again := SignedLeaves(store, 300)).of(5) is None
    assert again.missing == [Tile(0, 0)]
