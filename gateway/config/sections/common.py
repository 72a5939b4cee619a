"""Keys and words that are announced but mean nothing yet.

A key without an effect is refused: an operator who writes `cache: {enabled: true}` must not believe that there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.language.nodes import Node, Scalar
from gateway.policy.language.scalars import choice
from gateway.policy.language.shapes import Read, Shape, Spot

if TYPE_CHECKING:
    from collections.abc import Callable


def not_yet(*names: str) -> Callable[[str], str | None]:
    """The word about keys that are announced and have no effect in this version."""
    return lambda key: f"`{key}` is not supported yet, leave it out" if key in names else None


def only[W: str](word: W, *announced: str) -> Shape[W]:
    """The one word that has an effect now; others are announced."""
    known = choice((word,))

    def read(node: Node, spot: Spot) -> Read[W]:
        if isinstance(node, Scalar) and node.text in announced:
            return spot.complain(f"`{node.text}` is not supported yet, write `{word}`")
        return known.read(node, spot)

    return Shape(f"`{word}`", known.schema, read)
