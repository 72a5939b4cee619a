"""The vectors are those of Certificate Transparency (`merkletree` of google/certificate-transparency)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from gateway.audit.proof.tree import (
    consistency_proof,
    fold,
    inclusion_proof,
    is_consistent,
    root,
    root_of_inclusion,
)
from tests.unit.audit.proof.trees import LEAVES, ROOTS, digest, leaves, mth, nodes_over

NODES = nodes_over(LEAVES)
SIZES = st.integers(0, 130)


@pytest.mark.parametrize("size", range(9))
def test_the_root_over_the_reference_inputs_is_that_of_the_reference(size: int) -> None:
    assert root(size, NODES).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "beginnings"),
    [
        (0, 1, []),
        (0, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (5, 8, ["bc1a0643", "ca854ea1", "d37ee418"]),
        (2, 3, ["fac54203"]),
        (1, 5, ["6e340b9c", "5f083f0a", "bc1a0643"]),
    ],
)
def test_proofs_of_inclusion_are_those_of_the_reference(index: int, size: int, beginnings: list[str]) -> None:
    proof = inclusion_proof(index, size, NODES)

    assert [each.hex()[:8] for each in proof] == beginnings
    assert root_of_inclusion(index, size, LEAVES[index], proof) == bytes.fromhex(ROOTS[size])


@pytest.mark.parametrize(
    ("old", "new", "beginnings"),
    [
        (1, 1, []),
        (1, 8, ["96a296d2", "5f083f0a", "6b47aaf2"]),
        (6, 8, ["0ebc5d34", "ca854ea1", "d37ee418"]),
        (2, 5, ["5f083f0a", "bc1a0643"]),
    ],
)
def test_proofs_of_consistency_are_those_of_the_reference(old: int, new: int, beginnings: list[str]) -> None:
    proof = consistency_proof(old, new, NODES)

    assert [each.hex()[:8] for each in proof] == beginnings
    assert is_consistent((old, bytes.fromhex(ROOTS[old])), (new, bytes.fromhex(ROOTS[new])), proof)


@given(SIZES)
def test_a_root_is_what_the_rfc_says_by_its_letter(size: int) -> None:
    hashes = leaves(size)

    assert root(size, nodes_over(hashes)) == mth(hashes)


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_another_implementation_comes_to_the_same_roots_and_proofs(entries: list[bytes], data: st.DataObject) -> None:
    other = InmemoryTree()
    for each in entries:
        other.append_entry(each)
    nodes, size = nodes_over([other.get_leaf(at) for at in range(1, len(entries) + 1)]), len(entries)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))

    assert root(size, nodes) == other.get_root()
    assert set(inclusion_proof(index, size, nodes)) <= set(other.prove_inclusion(index + 1, size).path)
    older = (old, other.get_root(old))
    assert is_consistent(older, (size, other.get_root()), consistency_proof(old, size, nodes))


@given(st.integers(1, 130), st.data())
def test_every_leaf_is_proved_and_no_other_in_its_place(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    proof = inclusion_proof(index, size, nodes_over(hashes))

    assert root_of_inclusion(index, size, hashes[index], proof) == mth(hashes)
    assert root_of_inclusion(index, size, digest("another"), proof) != mth(hashes)
    if size > 1:
        assert root_of_inclusion((index + 1) % size, size, hashes[index], proof) != mth(hashes)


@given(st.integers(2, 130), st.data())
def test_a_proof_that_was_changed_anywhere_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = leaves(size)
    proof = inclusion_proof(index, size, nodes_over(hashes))

    for changed in _changed(proof, data.draw(st.integers(0, len(proof) - 1))):
        assert root_of_inclusion(index, size, hashes[index], changed) != mth(hashes)


@given(st.integers(1, 130), st.integers(0, 130), st.data())
def test_growth_is_proved_and_nothing_else_is(new: int, old: int, data: st.DataObject) -> None:
    old = min(old, new)
    hashes = leaves(new)
    proof = consistency_proof(old, new, nodes_over(hashes))
    before, after = (old, mth(hashes[:old])), (new, mth(hashes))

    assert is_consistent(before, after, proof)
    assert not is_consistent((old, digest("another")), after, proof)
    if proof:
        assert not is_consistent(before, (new, digest("another")), proof)
        for changed in _changed(proof, data.draw(st.integers(0, len(proof) - 1))):
            assert not is_consistent(before, after, changed)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2)])
def test_a_tree_never_grew_out_of_a_greater_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match=f"a tree of {new} leaves did not grow out of one of {old}"):
        consistency_proof(old, new, NODES)

    assert not is_consistent((old, LEAVES[0]), (new, LEAVES[0]), [])


def test_there_is_no_proof_for_a_leaf_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="there is no leaf 8 among 8"):
        inclusion_proof(8, 8, NODES)

    assert root_of_inclusion(8, 8, LEAVES[0], []) is None


def test_a_proof_of_growth_needs_its_hashes() -> None:
    assert not is_consistent((3, bytes.fromhex(ROOTS[3])), (8, bytes.fromhex(ROOTS[8])), [])


def test_a_whole_tree_is_folded_into_its_root() -> None:
    assert fold(LEAVES).hex() == ROOTS[8]


def _changed(proof: list[bytes], at: int) -> list[list[bytes]]:
    """A hash replaced, left out, told twice; and one too many at either end."""
    return [
        [*proof[:at], digest("forged"), *proof[at + 1 :]],
        [*proof[:at], *proof[at + 1 :]],
        [*proof[:at], proof[at], *proof[at:]],
        [*proof, digest("one more")],
        [digest("one more"), *proof],
    ]
