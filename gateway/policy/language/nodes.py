"""What a YAML file holds before anybody asks what it means: values, each with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.problems import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `value` is what it is typed as, `text` is how it is written, without quotes."""

    value: str | int | float | bool | None
    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, in the order of the file."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value. Keys are always text: `on: x` has the key `on`."""

    key: str
    place: Place
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, in the order of the file; no key occurs twice."""

    entries: tuple[Entry, ...]
    place: Place

    def get(self, key: str) -> Node | None:
        """The value under `key`, or None if the key does not occur."""
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that was already complained about (an alias, a tag): nobody complains about it twice."""

    place: Place


type Node = Scalar | Sequence | Mapping | Unreadable
