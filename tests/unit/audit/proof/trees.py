"""Trees for tests: the reference vectors of Certificate Transparency, and trees by the letter of RFC 6962."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gateway.audit.proof.tiles import Edge, nodes_in
from gateway.audit.proof.tree import EMPTY, fold, node_hash
from gateway.audit.writing.witness import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.proof.tiles import Tile
    from gateway.audit.proof.tree import Nodes

INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
LEAVES = [leaf_hash(bytes.fromhex(each)) for each in INPUTS]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""The roots over the first 0 to 8 of the inputs."""


def leaves(count: int) -> list[bytes]:
    """So many leaves, all different."""
    return [leaf_hash(str(number).encode()) for number in range(count)]


def nodes_over(hashes: Sequence[bytes]) -> Nodes:
    """The nodes of a tree over these leaves, computed from nothing but them."""
    return lambda level, index: fold(hashes[index << level : (index + 1) << level])


def mth(hashes: Sequence[bytes]) -> bytes:
    """The Merkle Tree Hash by the letter of RFC 6962, section 2.1, over leaves that are hashed already."""
    if not hashes:
        return EMPTY
    if len(hashes) == 1:
        return hashes[0]
    middle = 1
    while middle * 2 < len(hashes):
        middle *= 2
    return node_hash(mth(hashes[:middle]), mth(hashes[middle:]))


class Shelf:
    """Tiles in memory, as a store on the disk would keep them."""

    def __init__(self, hashes: Sequence[bytes] = ()) -> None:
        self.edge = Edge()
        self.tiles: dict[Tile, bytes] = {}
        for leaf in hashes:
            self.tiles |= dict([*self.edge.append(leaf), *self.edge.partial()])

    def nodes(self, size: int) -> Nodes:
        return nodes_in(size, self.tiles.__getitem__)


def digest(text: str) -> bytes:
    """32 bytes that look like a hash."""
    return hashlib.sha256(text.encode()).digest()
