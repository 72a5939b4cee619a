from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.proof.tiles import WIDTH, Edge, Tile, edge_tiles, split, tile_of
from gateway.audit.proof.tree import EMPTY, inclusion_proof, root, root_of_inclusion
from tests.unit.audit.proof.trees import LEAVES, ROOTS, Shelf, leaves, mth


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/000", Tile(0, 0)),
        ("tile/0/x001/x234/067", Tile(0, 1234067)),
        ("tile/0/x001/067.p/8", Tile(0, 1067, 8)),
        ("tile/2/999", Tile(2, 999)),
        ("tile/1/x001/000.p/255", Tile(1, 1000, 255)),
    ],
)
def test_a_tile_has_the_place_that_the_specification_gives_it(path: str, tile: Tile) -> None:
    assert tile.path == path


def test_a_tree_of_70000_leaves_has_the_partial_tiles_of_the_specification() -> None:
    assert edge_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert edge_tiles(256) == [Tile(1, 0, 1)]
    assert edge_tiles(0) == []


def test_a_tile_is_as_wide_as_the_tree_is_there() -> None:
    assert tile_of(0, 272, 70_000) == Tile(0, 272)
    assert tile_of(0, 273, 70_000) == Tile(0, 273, 112)
    assert tile_of(1, 1, 70_000) == Tile(1, 1, 17)


@pytest.mark.parametrize("size", range(9))
def test_the_edge_of_a_growing_tree_knows_its_root(size: int) -> None:
    edge = Edge()
    for leaf in LEAVES[:size]:
        assert edge.append(leaf) == []

    assert (edge.size, edge.root().hex()) == (size, ROOTS[size])


def test_every_256_leaves_a_tile_is_full_and_its_root_goes_up() -> None:
    edge, hashes = Edge(), leaves(2 * WIDTH + 1)

    full = list(edge.extend(hashes))

    assert full == [(Tile(0, 0), b"".join(hashes[:WIDTH])), (Tile(0, 1), b"".join(hashes[WIDTH : 2 * WIDTH]))]
    assert edge.partial() == [
        (Tile(0, 2, 1), hashes[-1]),
        (Tile(1, 0, 2), mth(hashes[:WIDTH]) + mth(hashes[WIDTH : 2 * WIDTH])),
    ]
    assert edge.root() == mth(hashes)


def test_256_tiles_fill_the_tile_above_them() -> None:
    edge = Edge([[], leaves(WIDTH - 1)])

    full = list(edge.extend(leaves(WIDTH)))

    assert [tile for tile, _ in full] == [Tile(0, WIDTH - 1), Tile(1, 0)]
    assert edge.size == WIDTH * WIDTH
    assert [tile for tile, _ in edge.partial()] == [Tile(2, 0, 1)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 700), st.data())
def test_any_older_tree_is_found_in_the_tiles(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    shelf = Shelf(hashes)
    older = data.draw(st.integers(0, size))

    assert root(older, shelf.nodes(older)) == mth(hashes[:older])
    assert Edge.read(older, shelf.tiles.__getitem__).root() == mth(hashes[:older])
    if older:
        index = data.draw(st.integers(0, older - 1))
        proof = inclusion_proof(index, older, shelf.nodes(older))
        assert root_of_inclusion(index, older, hashes[index], proof) == mth(hashes[:older])


def test_a_copy_grows_by_itself() -> None:
    edge = Edge()
    edge.append(LEAVES[0])
    other = edge.copy()
    other.append(LEAVES[1])

    assert (edge.root().hex(), other.root().hex()) == (ROOTS[1], ROOTS[2])


def test_hashes_in_a_row_are_split_into_single_ones() -> None:
    assert split(b"".join(LEAVES)) == LEAVES
    assert Edge().root() == EMPTY
