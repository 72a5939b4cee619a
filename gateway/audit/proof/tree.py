"""Merkle trees over leaves in their order: roots, proofs that a leaf is in, and that a tree grew out of another.

A node is asked for by its level (0: leaves) and its index in that level; only nodes that stand over a whole power of
two of leaves exist, so none of them ever changes. Everything else is computed from them.

Source: RFC 6962, section 2.1 (trees and proofs), and RFC 9162, sections 2.1.3.2 and 2.1.4.2 (how proofs are checked).
"""

from __future__ import annotations

import hashlib
from itertools import batched
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    type Nodes = Callable[[int, int], bytes]
    """The hash of the node at a level and an index."""

HASH_SIZE: Final = 32
EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

_sha256: Final = hashlib.sha256


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return _sha256(b"\1" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    pair = b"\1%b%b"  # put together in one go, which takes half the time of adding
    while len(hashes) > 1:
        hashes = [_sha256(pair % each).digest() for each in batched(hashes, 2, strict=True)]
    return hashes[0]


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return _range(0, size, nodes) if size else EMPTY


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """What leaf `index` (from 0) needs to come to the root over `size` leaves, from its sibling upwards."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    begin, end, path = 0, size, list[bytes]()
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(begin, middle, nodes))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """What shows that the tree over `new` leaves begins with the one over `old` leaves."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves did not grow out of one of {old}")
    if old in {0, new}:
        return []
    begin, end, known, path = 0, new, True, list[bytes]()
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_range(middle, end, nodes))
            end = middle
        else:
            path.append(_range(begin, middle, nodes))
            begin, known = middle, False
    if not known:
        path.append(_range(begin, end, nodes))
    return path[::-1]


def root_of_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to; None if it cannot be a proof for this place (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    at, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree (size, root) grew out of an older one (RFC 9162, section 2.1.4.2)."""
    (first, first_root), (second, second_root) = old, new
    if first > second or first < 0:
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    left = right = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            left, right = node_hash(each, left), node_hash(each, right)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            right = node_hash(right, each)
        at, last = at >> 1, last >> 1
    return last == 0 and left == first_root and right == second_root


def _split(count: int) -> int:
    """The greatest power of two below `count`, which is above 1."""
    return 1 << (count - 1).bit_length() - 1


def _range(begin: int, end: int, nodes: Nodes) -> bytes:
    """The root over the leaves from `begin` to `end`, a range that RFC 6962 would split off."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range(begin, middle, nodes), _range(middle, end, nodes))
