"""The vocabulary: which facts a policy may ask about, by which operators, compared with what. This table is all of it.

A fact with several operators takes a group (`host: {under: [example.com]}`), a fact with a list takes the list
(`method: [GET, HEAD]`). Two operators under one fact must both hold, so only pairs for which nobody reads `or` may
stand together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.language import operands
from gateway.policy.language.scalars import BOOLEAN, SIZE, choice, integer
from gateway.policy.language.shapes import Shape, sequence
from gateway.policy.language.windows import TIME
from gateway.policy.model import FactName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.policy.language.conditions import Value

type Operator = Shape[tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class FactShape:
    """How a fact may be asked about: by `operators`, or by a plain value under the operator `in`, or by both."""

    example: str
    operators: Mapping[str, Operator] = field(default_factory=dict)
    plain: Operator | None = None


def _lists(shape: Shape[Any], example: str) -> Operator:
    return sequence(shape, example)


def _one(shape: Shape[Any]) -> Operator:
    return shape.then(lambda value: (value,))


def _names() -> FactShape:
    example = "{under: [example.com]}"
    host, parent = _lists(operands.HOST, "[example.com]"), _lists(operands.PARENT, "[example.com]")
    return FactShape(
        example,
        {"is": host, "under": parent, "below": parent, "in": _lists(operands.DOMAIN_LIST, '["@ads"]')},
    )


def _addresses() -> FactShape:
    values = _lists(operands.ADDRESSES, "[10.0.0.0/8, private]")
    return FactShape("{in: [10.0.0.0/8]}", {"in": values, "not_in": values})


def _texts() -> FactShape:
    values, patterns = _lists(operands.VALUE, "[text]"), _lists(operands.PATTERN, "['[a-z]+']")
    return FactShape(
        "{present: true}",
        {"present": _one(BOOLEAN), "is": values, "contains": values, "matches": patterns},
    )


def _plain(shape: Shape[Any], example: str) -> FactShape:
    return FactShape(example, plain=_lists(shape, example))


def _in_or_not(shape: Shape[Any], example: str) -> FactShape:
    values = _lists(shape, example)
    return FactShape(f"{{in: {example}}}", {"in": values, "not_in": values})


def _bounds(shape: Shape[Any], example: str) -> FactShape:
    return FactShape(f"{{above: {example}}}", {"above": _one(shape), "below": _one(shape)})


_STATUS: Final = integer(100, 599, "a status, like `499`")
_TLS_VERSION: Final = choice(("1.0", "1.1", "1.2", "1.3"))
_PROTOCOL: Final = choice(("http/1.1", "h2", "h3", "websocket", "tcp"))

VOCABULARY: Final[Mapping[FactName, FactShape]] = {
    FactName.CLIENT_IP: _addresses(),
    FactName.DESTINATION_IP: _addresses(),
    FactName.HOST: _names(),
    FactName.TLS_SNI: _names(),
    FactName.PORT: _plain(operands.PORTS, "[443]"),
    FactName.SCHEME: _plain(choice(operands.SCHEMES), "[https]"),
    FactName.METHOD: _plain(operands.METHOD, "[GET, HEAD]"),
    FactName.PATH: FactShape(
        "{prefix: [/admin]}",
        {
            "is": _lists(operands.PATH, "[/admin]"),
            "prefix": _lists(operands.PREFIX, "[/admin]"),
            "matches": _lists(operands.PATTERN, "['/item/[0-9]+']"),
        },
    ),
    FactName.HEADER: _texts(),
    FactName.QUERY: _texts(),
    FactName.REQUEST_SIZE: _bounds(SIZE, "10MB"),
    FactName.RESPONSE_SIZE: _bounds(SIZE, "10MB"),
    FactName.RESPONSE_STATUS: FactShape(
        "[404, 5xx]", {"above": _one(_STATUS), "below": _one(_STATUS)}, _lists(operands.STATUSES, "[404, 5xx]")
    ),
    FactName.RESPONSE_TYPE: _plain(operands.MEDIA_TYPE, "[text/html]"),
    FactName.USER: _plain(operands.NAME, "[alice]"),
    FactName.GROUP: _plain(operands.GROUP_NAME, "[engineering]"),
    FactName.IDENTITY_METHOD: _plain(operands.NAME, "[password]"),
    FactName.DESTINATION_COUNTRY: _in_or_not(operands.COUNTRY, "[DE]"),
    FactName.DESTINATION_ASN: _in_or_not(operands.AS_NUMBER, "[64496]"),
    FactName.TLS_VERSION: FactShape("{below: 1.2}", {"below": _one(_TLS_VERSION)}, _lists(_TLS_VERSION, "[1.2, 1.3]")),
    FactName.TLS_INSPECTED: _plain(BOOLEAN, "[true]"),
    FactName.PROTOCOL: _plain(_PROTOCOL, "[h2]"),
    FactName.TIME: FactShape("{days: mon-fri, zone: UTC}", plain=_one(TIME)),
}

TOGETHER: Final = (frozenset({"above", "below"}), frozenset({"in", "not_in"}))
"""Operators that may stand under one fact: both must hold, and nobody reads them otherwise."""

NEED_DATABASE: Final = frozenset({FactName.DESTINATION_COUNTRY, FactName.DESTINATION_ASN})
WITH_ARGUMENT: Final = (FactName.HEADER, FactName.QUERY)
"""Facts that are asked for by the name of a field or parameter: `header.x-token`."""
