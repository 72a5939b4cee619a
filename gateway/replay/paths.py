"""Many paths of one shape: identifiers become patterns, and many siblings become the prefix above them.

Only what a policy can say for certain is kept: a path goes up to the first segment that could be read in another way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAFE: Final = re.compile(r"[A-Za-z0-9._~!$&'()+,=:@-]+")
_IDENTIFIERS: Final = (
    (re.compile(r"[0-9]+"), "[0-9]+"),
    (
        re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
        "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
    ),
    (re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}"), "[0-7][0-9A-HJKMNP-TV-Z]{25}"),
    (re.compile(r"[0-9A-Fa-f]{16,64}"), "[0-9A-Fa-f]{16,64}"),
)
"""Numbers, UUIDs (RFC 9562), ULIDs, and digests or keys in hexadecimal."""
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where paths lie: `operator` is `is`, `prefix` or `matches`, as in a policy."""

    operator: str
    text: str


@dataclass(frozen=True, slots=True)
class _Shape:
    """Segments, each a text or a pattern (True), and whether all below belongs to it."""

    segments: tuple[tuple[str, bool], ...]
    is_open: bool

    def place(self) -> Place:
        if not any(is_pattern for _, is_pattern in self.segments):
            text = "/" + "/".join(text for text, _ in self.segments)
            return Place("prefix" if self.is_open else "is", text)
        text = "".join("/" + (text if is_pattern else re.escape(text)) for text, is_pattern in self.segments)
        return Place("matches", f"{text}(/.*)?" if self.is_open else text)


def generalised(paths: Iterable[str], enough: int) -> dict[str, Place | None]:
    """For every canonical path where it lies; None for one of which nothing can be said but that it is some path."""
    shapes = {path: _shape(path) for path in paths}
    grouped = _lifted({shape for shape in shapes.values() if shape is not None}, enough)
    return {path: None if shape is None else grouped[shape].place() for path, shape in shapes.items()}


def _shape(path: str) -> _Shape | None:
    if not path.startswith("/"):
        return None
    if path == "/":
        return _Shape((("", False),), is_open=False)
    segments: list[tuple[str, bool]] = []
    read = path[1:].split("/")
    for at, segment in enumerate(read):
        is_last_slash = not segment and at == len(read) - 1
        if not (is_last_slash or _SAFE.fullmatch(segment)) or sum(len(text) for text, _ in segments) > _LONGEST:
            return _Shape(tuple(segments), is_open=True) if segments else None
        pattern = next((text for known, text in _IDENTIFIERS if known.fullmatch(segment)), None)
        segments.append((segment, False) if pattern is None else (pattern, True))
    return _Shape(tuple(segments), is_open=False)


def _lifted(shapes: set[_Shape], enough: int) -> dict[_Shape, _Shape]:
    """What stands for each shape: the deepest one above it that has many below it, or itself."""
    stands = {shape: shape for shape in shapes}
    for depth in range(max((len(shape.segments) for shape in shapes), default=0), 1, -1):
        children: defaultdict[tuple[tuple[str, bool], ...], set[_Shape]] = defaultdict(set)
        for shape in set(stands.values()):
            if len(shape.segments) == depth:
                children[shape.segments[:-1]].add(shape)
        opened = {parent for parent, below in children.items() if len({each.segments for each in below}) >= enough}
        opened |= {shape.segments for shape in stands.values() if shape.is_open}
        for shape, above in stands.items():
            for length in range(1, len(above.segments) + 1):
                if above.segments[:length] in opened:
                    stands[shape] = _Shape(above.segments[:length], is_open=True)
                    break
    return stands
