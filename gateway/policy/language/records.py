"""Groups with known keys: which keys there are, which must be there, and what is made of them.

Keys are values (`Key[str]`), and what was read is asked for by them, so that the type of each part is known where the
whole is put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.nodes import Mapping, Node
from gateway.policy.language.shapes import WRONG, JsonSchema, Read, Shape, Spot, described
from gateway.policy.language.suggestions import listed, way_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.policy.problems import Place


class _Needed(Enum):
    NEEDED = "needed"


_NEEDED: Final = _Needed.NEEDED
_GUESSED_AT: Final = 50
"""Unknown keys of one group that are told one by one; a file with more of them is another kind of file."""


@dataclass(frozen=True, slots=True, eq=False)
class Key[T]:
    """A key of a group. `about` says in the JSON Schema what it is for."""

    name: str
    shape: Shape[Any]
    about: str
    default: T | Literal[_Needed.NEEDED]

    @property
    def needed(self) -> bool:
        """Whether a group without the key is a mistake."""
        return self.default is _NEEDED


def required[T](name: str, shape: Shape[T], about: str) -> Key[T]:
    """A key that must be there."""
    return Key(name, shape, about, _NEEDED)


def optional[T, D](name: str, shape: Shape[T], about: str, default: D) -> Key[T | D]:
    """A key that may be left out, and what then holds."""
    return Key(name, shape, about, default)


@dataclass(frozen=True, slots=True)
class Values:
    """What was read of a group, by key, and where the group stands."""

    place: Place
    spot: Spot
    node: Mapping
    _values: dict[str, Any]

    def __getitem__[T](self, key: Key[T]) -> T:
        value: T = self._values[key.name]
        return value

    def has(self, key: Key[Any]) -> bool:
        """Whether the key stands in the file."""
        return self.node.get(key.name) is not None


type Rule = Callable[[Mapping, Spot], None]
"""Looks at which keys stand together in a group, and complains."""


def record[T](
    keys: Iterable[Key[Any]],
    build: Callable[[Values], Read[T]],
    *,
    wanted: str,
    rules: Iterable[Rule] = (),
    also: Callable[[str], str | None] | None = None,
) -> Shape[T]:
    """A group of these keys. `also` may know a better word about a key that does not exist.

    What `build` says in a Malformed is complained about.
    """
    known = {key.name: key for key in keys}
    checks = tuple(rules)

    def read(node: Node, spot: Spot) -> Read[T]:
        if not isinstance(node, Mapping):
            return spot.complain(f"{described(node)} cannot stand here, here belongs {wanted}")
        wrong = _complain_of_strangers(node, known, spot, also)
        values: dict[str, Any] = {}
        for key in known.values():
            part = node.get(key.name)
            if part is not None:
                values[key.name] = key.shape.read(part, spot.key(key.name, part))
            elif key.needed:
                values[key.name] = spot.complain(f"`{key.name}` is missing, here belongs {key.shape.wanted}")
            else:
                values[key.name] = key.default
        before = len(spot.problems)
        for check in checks:
            check(node, spot)
        wrong = wrong or len(spot.problems) > before or any(value is WRONG for value in values.values())
        return WRONG if wrong else _built(build, Values(node.place, spot, node, values))

    return Shape(wanted, _schema(known.values()), read)


def _built[T](build: Callable[[Values], Read[T]], values: Values) -> Read[T]:
    try:
        return build(values)
    except Malformed as error:
        return values.spot.complain(str(error))


def _complain_of_strangers(
    node: Mapping, known: dict[str, Key[Any]], spot: Spot, also: Callable[[str], str | None] | None
) -> bool:
    strangers = [entry for entry in node if entry.key not in known]
    for entry in strangers[:_GUESSED_AT]:
        word = also(entry.key) if also is not None else None
        spot.complain(word or f"unknown key {quoted(entry.key)}{way_out(entry.key, known)}", entry.place)
    if len(strangers) > _GUESSED_AT:
        spot.complain(f"and {len(strangers) - _GUESSED_AT} more unknown keys", strangers[_GUESSED_AT].place)
    return bool(strangers)


def _schema(keys: Iterable[Key[Any]]) -> JsonSchema:
    properties = {key.name: {**key.shape.schema, "description": key.about} for key in keys}
    needed = [key.name for key in keys if key.needed]
    schema: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": needed} if needed else schema


def one_of(*names: str, why: str) -> Rule:
    """Exactly one of these keys."""

    def check(node: Mapping, spot: Spot) -> None:
        present = [name for name in names if node.get(name) is not None]
        if not present:
            spot.complain(f"one of {listed(names)} is missing: {why}")
        elif len(present) > 1:
            spot.complain(f"{listed(present)} cannot stand together: {why}")

    return check


def at_least_one_of(*names: str, why: str) -> Rule:
    """One of these keys, or several."""

    def check(node: Mapping, spot: Spot) -> None:
        if all(node.get(name) is None for name in names):
            spot.complain(f"one of {listed(names)} is missing: {why}")

    return check


def only_with(needed: str, *names: str, why: str) -> Rule:
    """Keys that mean something only if `needed` stands there too."""

    def check(node: Mapping, spot: Spot) -> None:
        for entry in node:
            if entry.key in names and node.get(needed) is None:
                spot.complain(f"`{entry.key}` needs `{needed}` beside it: {why}", entry.place)

    return check
