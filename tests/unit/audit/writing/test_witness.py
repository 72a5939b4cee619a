from __future__ import annotations

from gateway.audit.writing.witness import leaf_hash


def test_the_hash_of_a_line_is_that_of_a_leaf_of_a_merkle_tree() -> None:
    """The root of a tree with one empty leaf, among the test vectors of Certificate Transparency."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
