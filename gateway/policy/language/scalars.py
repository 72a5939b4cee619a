"""Shapes of single values: text, words of a choice, whole numbers, true and false, and numbers with units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import quoted
from gateway.policy.language.nodes import Node, Scalar
from gateway.policy.language.shapes import Read, Shape, Spot, described
from gateway.policy.language.suggestions import listed, way_out
from gateway.policy.language.units import parse_duration, parse_percent, parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEBAB: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_ID: Final = 64
_RESERVED: Final = "builtin-"
_SPOKEN: Final = {"yes": "true", "on": "true", "no": "false", "off": "false", "True": "true", "False": "false"}


def text(wanted: str, *, longest: int = 1000) -> Shape[str]:
    """Any text on one line; what looks like a number or a truth value is taken as it is written."""

    def read(node: Node, spot: Spot) -> Read[str]:
        if not isinstance(node, Scalar) or node.value is None or not node.text:
            return spot.complain(f"{described(node)} cannot stand here, here belongs {wanted}")
        if any(blank in node.text.strip() for blank in "\n\r\t"):
            return spot.complain(f"the text holds a tab or a line break, here belongs {wanted}")
        if len(node.text) > longest:
            return spot.complain(f"the text is longer than {longest} characters, shorten it")
        return node.text.strip()

    return Shape(wanted, {"type": ["string", "number", "boolean"]}, read)


def sentence(wanted: str) -> Shape[str]:
    """A text for people: it may run over several lines and becomes one."""

    def read(node: Node, spot: Spot) -> Read[str]:
        if not isinstance(node, Scalar) or node.value is None or not node.text.strip():
            return spot.complain(f"{described(node)} cannot stand here, here belongs {wanted}")
        return " ".join(node.text.split())

    return Shape(wanted, {"type": "string", "minLength": 1}, read)


def choice[W: str](words: Iterable[W], wanted: str = "") -> Shape[W]:
    """One of a few words."""
    known = {str(word): word for word in words}
    what = wanted or f"one of {listed(known)}"

    def read(node: Node, spot: Spot) -> Read[W]:
        if not isinstance(node, Scalar) or node.value is None or not node.text:
            return spot.complain(f"{described(node)} cannot stand here, here belongs {what}")
        word = known.get(node.text)
        if word is None:
            return spot.complain(f"{quoted(node.text)} is unknown here{way_out(node.text, known)}")
        return word

    return Shape(what, {"enum": [spelling for word in known for spelling in _spellings(word)]}, read)


def _spellings(word: str) -> tuple[str | float, ...]:
    """The word and, if it looks like a number, the number that an editor takes it for."""
    digits = word.replace(".", "", 1)
    if not digits.isdigit():
        return (word,)
    return (word, int(word) if digits == word else float(word))


def _read_boolean(node: Node, spot: Spot) -> Read[bool]:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    spoken = _SPOKEN.get(node.text) if isinstance(node, Scalar) else None
    way = f"did you mean `{spoken}`?" if spoken else "write `true` or `false`"
    if isinstance(node, Scalar) and node.text in {"true", "false"}:
        way = "write it without quotes"
    return spot.complain(f"{described(node)} is neither true nor false, {way}")


BOOLEAN: Final[Shape[bool]] = Shape("`true` or `false`", {"type": "boolean"}, _read_boolean)


def integer(least: int, most: int, wanted: str = "") -> Shape[int]:
    """A whole number, both bounds included."""
    what = wanted or f"a whole number from {least} to {most}"

    def read(node: Node, spot: Spot) -> Read[int]:
        number = node.value if isinstance(node, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            return spot.complain(f"{described(node)} cannot stand here, here belongs {what}")
        return number

    return Shape(what, {"type": "integer", "minimum": least, "maximum": most}, read)


def kebab(wanted: str) -> Shape[str]:
    """A name of the author's own: small letters, digits and single hyphens between them."""

    def read(node: Node, spot: Spot) -> Read[str]:
        if not isinstance(node, Scalar) or node.value is None or not node.text:
            return spot.complain(f"{described(node)} is no name, here belongs {wanted}")
        name = node.text
        if _KEBAB.fullmatch(name) is None or len(name) > _MAX_ID:
            better = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:_MAX_ID].strip("-")
            way = f", like `{better}`" if better else ""
            return spot.complain(f"{quoted(name)}: use small letters, digits and single hyphens{way}")
        return name

    return Shape(wanted, {"type": "string", "pattern": f"^{_KEBAB.pattern}$", "maxLength": _MAX_ID}, read)


def _read_id(node: Node, spot: Spot) -> Read[str]:
    name = _ANY_ID.read(node, spot)
    if isinstance(name, str) and name.startswith(_RESERVED):
        return spot.complain(f"{quoted(name)}: ids that begin with `{_RESERVED}` belong to the gateway, choose another")
    return name


_ANY_ID: Final = kebab("an id, like `no-uploads`")
RULE_ID: Final[Shape[str]] = Shape(_ANY_ID.wanted, _ANY_ID.schema, _read_id)
"""The id under which a clause is found in decisions and records."""

SIZE: Final = text("a size, like `10MB`").then(parse_size, type=["string", "integer"])
"""Bytes."""
DURATION: Final = text("a length of time, like `7d`").then(parse_duration, type="string")
"""Seconds."""
PERCENT: Final = text("a share, like `30%`").then(parse_percent, type="string")
"""A fraction from 0 to 1."""
