"""`headers`: fields to remove, set and add, in requests and in answers.

Fields that frame a message or concern one connection are the gateway's own: an edit of them would let a policy turn one
message into two. So are the fields in which the gateway speaks to clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import HOP_BY_HOP, FieldPattern, HeaderEdit, field_name, field_value_problem
from gateway.policy.language.blocks import ANY, NOT, SELECTION_KEYS, WHEN, response_facts
from gateway.policy.language.clauses import HeaderDocument
from gateway.policy.language.nodes import Mapping, Node, Scalar, Sequence, Unreadable
from gateway.policy.language.records import Values, at_least_one_of, optional, record
from gateway.policy.language.scalars import RULE_ID, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, described, sequence

if TYPE_CHECKING:
    from gateway.policy.language.shapes import JsonSchema

_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding"})
_OWN: Final = FieldPattern.parse("Wicketgate-*")
_SPOKEN_BY_GATEWAY: Final = frozenset({"proxy-status"})

type Pairs = tuple[tuple[str, str], ...]


def _refusal(name: str) -> str | None:
    lower = field_name(name)
    if lower in _FRAMING:
        return f"{quoted(name)} says where a message goes or ends, the gateway writes it itself"
    if lower in HOP_BY_HOP:
        return f"{quoted(name)} concerns one connection and is never forwarded, leave it out"
    if _OWN.matches(lower) or lower in _SPOKEN_BY_GATEWAY:
        return f"{quoted(name)} is a field of the gateway itself, choose another name"
    return None


def _removal(written: str) -> FieldPattern:
    if written == "*":
        raise Malformed("`*` would remove every field, name them or a common beginning, like `X-Internal-*`")
    pattern = FieldPattern.parse(written)
    framing = next((name for name in sorted(_FRAMING) if pattern.matches(name)), None)
    if framing is not None:
        raise Malformed(f"{quoted(written)} would remove `{framing}`, without which the message cannot be read")
    return pattern


def _read_pairs(node: Node, spot: Spot) -> Read[Pairs]:
    if not isinstance(node, Mapping):
        return spot.complain(f"{described(node)} cannot stand here, here belong fields, like `{{X-Team: red}}`")
    if not node.entries:
        return spot.complain("the group is empty, here belong fields, like `{X-Team: red}`")
    pairs: list[tuple[str, str]] = []
    before = len(spot.problems)
    for entry in node:
        at = spot.key(entry.key, entry.value)
        try:
            refusal = _refusal(entry.key)
        except Malformed as error:
            refusal = str(error)
        if refusal is not None:
            at.complain(refusal, entry.place)
        pairs += [(entry.key, value) for value in _values(entry.value, at)]
    return tuple(pairs) if len(spot.problems) == before else WRONG


def _values(node: Node, spot: Spot) -> list[str]:
    if isinstance(node, Sequence):
        return [value for index, item in enumerate(node.items) for value in _values(item, spot.item(index, item))]
    if isinstance(node, Unreadable):
        return []
    if not isinstance(node, Scalar) or node.value is None:
        spot.complain(f"{described(node)} is no value of a field, here belongs a text")
        return []
    problem = field_value_problem(node.text)
    if problem is not None:
        spot.complain(f"this is no value of a field: {problem}")
    return [node.text.strip(" \t")]


_VALUE_SCHEMA: Final[JsonSchema] = {"type": ["string", "number", "boolean"]}
_PAIRS: Final = Shape(
    "fields, like `{X-Team: red}`",
    {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [_VALUE_SCHEMA, {"type": "array", "items": _VALUE_SCHEMA}]},
    },
    _read_pairs,
)
_PATTERN: Final = text("the name of a field, like `Server` or `X-Internal-*`").then(_removal)
_REMOVE: Final = optional("remove", sequence(_PATTERN, "[Server]"), "Fields that are taken away first.", ())
_SET: Final = optional("set", _PAIRS, "Fields that replace all others of their name.", ())
_ADD: Final = optional("add", _PAIRS, "Fields that are added to those of their name.", ())


def _edit(values: Values) -> Read[HeaderEdit]:
    return HeaderEdit(remove=values[_REMOVE], set=values[_SET], add=values[_ADD])


_EDIT: Final = record(
    (_REMOVE, _SET, _ADD),
    _edit,
    wanted="an edit, like `{remove: [Server]}`",
    rules=(at_least_one_of("remove", "set", "add", why="an edit without them changes nothing"),),
)

_ID: Final = optional("id", RULE_ID, "The name under which records speak of this edit.", None)
_REQUEST: Final = optional("request", _EDIT, "What is changed in requests before they are sent on.", None)
_RESPONSE: Final = optional("response", _EDIT, "What is changed in answers before the client gets them.", None)


def _headers(values: Values) -> Read[HeaderDocument]:
    if values[_REQUEST] is not None and (fact := response_facts(values)) is not None:
        return values.spot.complain(f"the request is sent before `{fact}` is known, edit only the `response` here")
    return HeaderDocument(
        id=values[_ID],
        request=values[_REQUEST],
        response=values[_RESPONSE],
        when=values[WHEN],
        not_=values[NOT],
        any=values[ANY],
        place=values.place,
    )


_HEADERS: Final = record(
    (_ID, *SELECTION_KEYS, _REQUEST, _RESPONSE),
    _headers,
    wanted="an edit of fields, like `{response: {remove: [Server]}}`",
    rules=(at_least_one_of("request", "response", why="without them nothing is edited"),),
)
HEADERS: Final = sequence(_HEADERS, "[{response: {remove: [Server]}}]", may_be_empty=True)
