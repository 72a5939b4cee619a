"""The tree in tiles: 256 hashes in a file, and the open right edge in memory.

A tile of level 0 holds the hashes of 256 leaves, one of level 1 the roots of 256 tiles of level 0, and so on. A tile
that is full never changes; the last one of each level is partial, and its width is part of its name. So a tree can only
be appended to, and any node of it is found in one tile.

Source: https://c2sp.org/tlog-tiles. Entry bundles are left out: the segments of the log hold the entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Self

from gateway.audit.proof.tree import EMPTY, HASH_SIZE, fold, node_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.audit.proof.tree import Nodes

    type ReadTile = Callable[["Tile"], bytes]
    """The hashes of a tile, one after the other."""

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT


@dataclass(frozen=True, slots=True)
class Tile:
    """`width` hashes of a level, behind `index` full tiles of it."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Its place in the folder of a log: `tile/0/x001/067`, `tile/0/x001/067.p/8`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *most, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
        whole = "/".join(["tile", str(self.level), *(f"x{each}" for each in most), last])
        return whole if self.width == WIDTH else f"{whole}.p/{self.width}"


def tile_of(level: int, index: int, size: int) -> Tile:
    """Tile `index` of a level, as wide as it is in a tree of `size` leaves."""
    return Tile(level, index, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def edge_tiles(size: int) -> list[Tile]:
    """The partial tiles of a tree of `size` leaves."""
    found, level, above = list[Tile](), 0, size
    while above:
        index, width = divmod(above, WIDTH)
        if width:
            found.append(Tile(level, index, width))
        level, above = level + 1, index
    return found


def nodes_in(size: int, read: ReadTile) -> Nodes:
    """The nodes of a tree of `size` leaves, out of its tiles."""

    def node(level: int, index: int) -> bytes:
        row, height = divmod(level, HEIGHT)
        first = index << height
        held = read(tile_of(row, first // WIDTH, size))
        begin = first % WIDTH * HASH_SIZE
        return fold(split(held[begin : begin + (HASH_SIZE << height)]))

    return node


def split(hashes: bytes) -> list[bytes]:
    """The single hashes out of many in a row."""
    return [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]


@dataclass(slots=True)
class Edge:
    """The right edge of a tree: the partial tile of each level. That is enough to append, and to know the root."""

    levels: list[list[bytes]] = field(default_factory=lambda: [[]])

    @classmethod
    def read(cls, size: int, read: ReadTile) -> Self:
        """The edge of a tree of `size` leaves, out of its partial tiles."""
        levels = list[list[bytes]]([[]])
        for tile in edge_tiles(size):
            levels += [[] for _ in range(tile.level + 1 - len(levels))]
            levels[tile.level] = split(read(tile))
        return cls(levels)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return sum(len(hashes) << HEIGHT * level for level, hashes in enumerate(self.levels))

    def append(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Append a leaf; the tiles that are full by that, mostly none."""
        lowest = self.levels[0]
        lowest.append(leaf)
        return self._carried() if len(lowest) == WIDTH else []

    def extend(self, leaves: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Append leaves, as many at once as a tile takes, and tell of every tile that is full by that."""
        rest = iter(leaves)
        lowest = self.levels[0]
        while more := list(islice(rest, WIDTH - len(lowest))):
            lowest += more
            if len(lowest) == WIDTH:
                yield from self._carried()

    def partial(self) -> list[tuple[Tile, bytes]]:
        """The partial tiles with their hashes."""
        return [(tile, b"".join(self.levels[tile.level])) for tile in edge_tiles(self.size)]

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        found: bytes | None = None
        for hashes in self.levels:
            for peak in reversed(_peaks(hashes)):
                found = peak if found is None else node_hash(peak, found)
        return EMPTY if found is None else found

    def copy(self) -> Self:
        """Another edge that grows by itself."""
        return type(self)([list(hashes) for hashes in self.levels])

    def _carried(self) -> list[tuple[Tile, bytes]]:
        full = list[tuple[Tile, bytes]]()
        size = self.size
        for level, hashes in enumerate(self.levels):
            if len(hashes) < WIDTH:
                break
            full.append((Tile(level, (size >> HEIGHT * (level + 1)) - 1), b"".join(hashes)))
            if level + 1 == len(self.levels):
                self.levels.append([])
            self.levels[level + 1].append(fold(hashes))
            hashes.clear()
        return full


def _peaks(hashes: list[bytes]) -> list[bytes]:
    """The roots of the greatest whole trees over hashes, from left to right."""
    found, begin = list[bytes](), 0
    for bit in range(len(hashes).bit_length() - 1, -1, -1):
        if len(hashes) >> bit & 1:
            found.append(fold(hashes[begin : begin + (1 << bit)]))
            begin += 1 << bit
    return found
