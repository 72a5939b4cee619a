"""What a route is for: hosts, paths, methods and fields of requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.config.settings import HostMatch
from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import HOP_BY_HOP, field_name
from gateway.policy.language.nodes import Mapping
from gateway.policy.language.operands import HOST, METHOD, PARENT, PATH, PREFIX, VALUE
from gateway.policy.language.records import Key, Values, at_least_one_of, one_of, optional, record
from gateway.policy.language.scalars import BOOLEAN, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, mapping, sequence
from gateway.upstreams.claims import FieldCondition

if TYPE_CHECKING:
    from gateway.policy.language.nodes import Node
    from gateway.policy.names import Host

_NEVER_ACCEPTED: Final = frozenset({"CONNECT", "TRACE"})
_REBUILT: Final = frozenset({"forwarded", "proxy", "true-client-ip", "via", "x-real-ip", "x-request-id"})
_REBUILT_PREFIX: Final = "x-forwarded"
_FRAMING: Final = frozenset({"content-length"})

_IS: Final[Key[tuple[Host, ...]]] = optional("is", sequence(HOST, "[shop.example]"), "Exactly these hosts.", ())
_UNDER: Final[Key[tuple[Host, ...]]] = optional("under", sequence(PARENT, "[shop.example]"), "These and all below.", ())
HOSTS: Final = record(
    (_IS, _UNDER),
    lambda values: HostMatch("is", values[_IS]) if values[_IS] else HostMatch("under", values[_UNDER]),
    wanted="hosts, like `{is: [shop.example]}`",
    rules=(one_of("is", "under", why="write a second route for the other"),),
)
"""Which hosts something is for."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Beginnings of paths, in whole segments, and whole paths."""

    prefixes: tuple[str, ...] = ("/",)
    exact: tuple[str, ...] = ()


_PREFIX: Final[Key[tuple[str, ...]]] = optional(
    "prefix", sequence(PREFIX, "[/api]"), "The beginnings of paths, in whole segments.", ()
)
_EXACT: Final[Key[tuple[str, ...]]] = optional("is", sequence(PATH, "[/login]"), "Exactly these paths.", ())
PATHS: Final[Shape[Paths]] = record(
    (_PREFIX, _EXACT),
    lambda values: Paths(values[_PREFIX], values[_EXACT]),
    wanted="paths, like `{prefix: [/api]}`",
    rules=(at_least_one_of("prefix", "is", why="leave `path` out to name all paths"),),
)
"""Which paths a route is for."""


def _read_method(node: Node, spot: Spot) -> Read[str]:
    method = METHOD.read(node, spot)
    if method in _NEVER_ACCEPTED:
        return spot.complain(f"`{method}` is never accepted from a client, leave it out")
    return method


METHODS: Final = sequence(Shape(METHOD.wanted, METHOD.schema, _read_method), "[GET, HEAD]")
"""Which methods a route is for."""


_VALUES: Final = sequence(VALUE, '["2"]')
_PRESENT: Final = optional("present", BOOLEAN, "Whether the field is there.", None)
_VALUE_IS: Final[Key[tuple[str, ...]]] = optional("is", _VALUES, "Exactly one of these values.", ())
_VALUE_PREFIX: Final[Key[tuple[str, ...]]] = optional("prefix", _VALUES, "A value that begins so.", ())


def _condition(values: Values) -> Read[FieldCondition]:
    nameless = field_name("x")
    if values[_PRESENT] is not None:
        return FieldCondition(nameless, "present" if values[_PRESENT] else "absent")
    if values[_VALUE_IS]:
        return FieldCondition(nameless, "is", values[_VALUE_IS])
    return FieldCondition(nameless, "prefix", values[_VALUE_PREFIX])


_CONDITION: Final = record(
    (_PRESENT, _VALUE_IS, _VALUE_PREFIX),
    _condition,
    wanted="a condition, like `{present: true}`",
    rules=(one_of("present", "is", "prefix", why="a field has one condition"),),
)


def _matched_name(name: str) -> str:
    lower = field_name(name)
    if lower == "host":
        raise Malformed("hosts are matched by `host`, beside `header`")
    if lower in HOP_BY_HOP or lower in _FRAMING:
        raise Malformed(f"{quoted(name)} concerns the connection, not the request, no route can ask for it")
    dropped = "_" in lower or "." in lower or lower.startswith(("wicketgate-", _REBUILT_PREFIX))
    if dropped or lower in _REBUILT:
        raise Malformed(f"{quoted(name)} is dropped or written anew by the gateway, no route can ask for it")
    return lower


_BY_NAME: Final = mapping(
    text("the name of a field").then(_matched_name), _CONDITION, 'fields, like `{X-Version: {is: ["2"]}}`'
)


def _read_fields(node: Node, spot: Spot) -> Read[tuple[FieldCondition, ...]]:
    conditions = _BY_NAME.read(node, spot)
    if conditions is WRONG:
        return WRONG
    if not conditions:
        return spot.complain("the group is empty, here belong fields, like `{X-Beta: {present: true}}`")
    if isinstance(node, Mapping) and len(node.entries) > len(conditions):
        return spot.complain("a field is named twice: upper and lower case mean the same")
    return tuple(
        FieldCondition(field_name(name), each.operator, each.values) for name, each in sorted(conditions.items())
    )


FIELDS: Final[Shape[tuple[FieldCondition, ...]]] = Shape(_BY_NAME.wanted, _BY_NAME.schema, _read_fields)
"""On which conditions on fields a route is for a request."""
