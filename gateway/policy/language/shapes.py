"""Shapes: what a value of a file may look like, stated once, for reading it and for the JSON Schema of the file.

A shape reads a node with its place and gives a value, or complains on the spot and gives WRONG. Complaining never stops
the reading of what stands beside, so that all problems of a file are told at once; whatever is made of a WRONG part is
WRONG itself, so that nothing half-read gets out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.nodes import Mapping, Node, Scalar, Sequence, Unreadable
from gateway.policy.problems import Place, Problem

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Callable

type JsonSchema = dict[str, Any]
type Declared = abc.Mapping[str, abc.Mapping[str, str]]
"""Names that the file itself declares, by kind (`list`, `group`, `rule`...), each with a word on what it is."""


class Wrong(Enum):
    """The value of what could not be read."""

    WRONG = "wrong"


WRONG: Final = Wrong.WRONG

type Read[T] = T | Literal[Wrong.WRONG]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where reading is: the place in the file, the path inside it, the problems so far, and the declared names."""

    place: Place
    path: str
    problems: list[Problem]
    declared: Declared

    def complain(self, message: str, place: Place | None = None) -> Literal[Wrong.WRONG]:
        """Write a problem down; its WRONG is what the reader returns."""
        self.problems.append(Problem(place or self.place, self.path, message))
        return WRONG

    def key(self, name: str, node: Node) -> Spot:
        """The spot of the value under a key."""
        return Spot(node.place, f"{self.path}.{name}" if self.path else name, self.problems, self.declared)

    def item(self, index: int, node: Node) -> Spot:
        """The spot of an item of a list; items count from 0."""
        return Spot(node.place, f"{self.path}[{index}]", self.problems, self.declared)


@dataclass(frozen=True, slots=True)
class Shape[T]:
    """`wanted` names what belongs here, with an example: "a size, like `10MB`"."""

    wanted: str
    schema: JsonSchema
    reader: Callable[[Node, Spot], Read[T]]

    def read(self, node: Node, spot: Spot) -> Read[T]:
        """The value of `node`, or WRONG and at least one problem on the list."""
        return WRONG if isinstance(node, Unreadable) else self.reader(node, spot)

    def then[U](self, parse: Callable[[T], U], wanted: str = "", **schema: Any) -> Shape[U]:
        """This shape, its value parsed further; what `parse` says in a Malformed is complained about."""

        def read(node: Node, spot: Spot) -> Read[U]:
            value = self.read(node, spot)
            if value is WRONG:
                return WRONG
            try:
                return parse(value)
            except Malformed as error:
                return spot.complain(str(error))

        return Shape(wanted or self.wanted, {**self.schema, **schema}, read)


def described(node: Node) -> str:
    """What stands there instead, for a sentence that says what belongs there."""
    match node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(text=""):
            return "an empty text"
        case Scalar():
            return quoted(node.text)
        case Sequence():
            return "a list"
        case _:
            return "a group of keys"


def sequence[T](item: Shape[T], example: str, *, may_be_empty: bool = False) -> Shape[tuple[T, ...]]:
    """A list of items; `example` is one that could stand in the file (`[GET, POST]`)."""
    wanted = f"a list, like `{example}`"

    def read(node: Node, spot: Spot) -> Read[tuple[T, ...]]:
        if not isinstance(node, Sequence):
            return spot.complain(f"{described(node)} is no list, {_as_list(node) or f'here belongs {wanted}'}")
        if not node.items and not may_be_empty:
            return spot.complain(f"the list is empty, here belongs {wanted}")
        values = [item.read(part, spot.item(index, part)) for index, part in enumerate(node.items)]
        good = tuple(value for value in values if value is not WRONG)
        return good if len(good) == len(values) else WRONG

    schema: JsonSchema = {"type": "array", "items": item.schema}
    return Shape(wanted, schema if may_be_empty else {**schema, "minItems": 1}, read)


def _as_list(node: Node) -> str | None:
    """The way out for somebody who wrote one value where a list belongs."""
    if not isinstance(node, Scalar) or node.value is None:
        return None
    return f"write it as a list, {quoted(f'[{node.text}]')}"


def mapping[T](name: Shape[str], value: Shape[T], wanted: str) -> Shape[dict[str, T]]:
    """Free names, each with a value of the same shape."""

    def read(node: Node, spot: Spot) -> Read[dict[str, T]]:
        if not isinstance(node, Mapping):
            return spot.complain(f"{described(node)} cannot stand here, here belongs {wanted}")
        values: dict[str, T] = {}
        wrong = False
        for entry in node:
            at = spot.key(entry.key, entry.value)
            key = name.read(
                Scalar(entry.key, entry.key, entry.place), Spot(entry.place, at.path, at.problems, at.declared)
            )
            read_value = value.read(entry.value, at)
            if key is WRONG or read_value is WRONG:
                wrong = True
            else:
                values[key] = read_value
        return WRONG if wrong else values

    return Shape(wanted, {"type": "object", "additionalProperties": value.schema, "propertyNames": name.schema}, read)


def by_kind[T](
    wanted: str,
    *,
    scalar: Shape[T] | None = None,
    sequence: Shape[T] | None = None,
    mapping: Shape[T] | None = None,
) -> Shape[T]:
    """Different shapes for a single value, a list and a group: whoever writes one is told about that one."""

    def read(node: Node, spot: Spot) -> Read[T]:
        match node:
            case Scalar(value=None):
                chosen = None
            case Scalar():
                chosen = scalar
            case Sequence():
                chosen = sequence
            case _:
                chosen = mapping
        if chosen is None:
            return spot.complain(f"{described(node)} cannot stand here, here belongs {wanted}")
        return chosen.read(node, spot)

    shapes = [shape for shape in (scalar, sequence, mapping) if shape is not None]
    return Shape(wanted, {"anyOf": [shape.schema for shape in shapes]}, read)


def pointer(name: str) -> JsonSchema:
    """The schema of a part that is written once, under `$defs`, and pointed at from everywhere else."""
    return {"$ref": f"#/$defs/{name}"}
