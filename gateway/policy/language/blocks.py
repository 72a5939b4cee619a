"""Blocks of conditions: `when`, `not` and `any`, read by the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import field_name
from gateway.policy.language.conditions import Block, Condition, Selection
from gateway.policy.language.declared import LIST
from gateway.policy.language.nodes import Entry, Mapping, Node, Unreadable
from gateway.policy.language.records import Values, at_least_one_of, optional
from gateway.policy.language.shapes import WRONG, JsonSchema, Read, Shape, Spot, described, pointer, sequence
from gateway.policy.language.suggestions import listed, nearest, way_out
from gateway.policy.language.vocabulary import NEED_DATABASE, TOGETHER, VOCABULARY, WITH_ARGUMENT, FactShape
from gateway.policy.model import RESPONSE_FACTS, FactName

if TYPE_CHECKING:
    from gateway.policy.language.conditions import Value

_WANTED: Final = "conditions, like `{host: {under: [example.com]}}`"


def _read_block(node: Node, spot: Spot) -> Read[Block]:
    if not isinstance(node, Mapping):
        return spot.complain(f"{described(node)} cannot stand here, here belong {_WANTED}")
    if not node.entries:
        return spot.complain(f"the block is empty, here belong {_WANTED}")
    read = [_read_fact(entry, spot) for entry in node]
    good = [conditions for conditions in read if conditions is not WRONG]
    return tuple(condition for conditions in good for condition in conditions) if len(good) == len(read) else WRONG


def _read_fact(entry: Entry, spot: Spot) -> Read[Block]:
    at = spot.key(entry.key, entry.value)
    fact = _fact(entry, spot)
    if fact is WRONG or isinstance(entry.value, Unreadable):
        return WRONG
    name, spelling = fact
    return _read_condition(entry, VOCABULARY[name], spelling, at)


def _fact(entry: Entry, spot: Spot) -> Read[tuple[FactName, str]]:
    name, _, argument = entry.key.partition(".")
    if name in WITH_ARGUMENT:
        return _fact_with_argument(FactName(name), argument, entry, spot)
    if entry.key in set(VOCABULARY):
        return FactName(entry.key), entry.key
    way = way_out(entry.key, VOCABULARY) or "; the facts are " + listed(VOCABULARY)
    return spot.complain(f"unknown key {quoted(entry.key)}{way}", entry.place)


def _fact_with_argument(name: FactName, argument: str, entry: Entry, spot: Spot) -> Read[tuple[FactName, str]]:
    if not argument:
        example = "header.user-agent" if name is FactName.HEADER else "query.token"
        return spot.complain(f"`{name}` needs a name behind it, like `{example}`", entry.place)
    if name is FactName.QUERY:
        return name, entry.key
    try:
        return name, f"{name}.{field_name(argument)}"
    except Malformed as error:
        return spot.complain(str(error), entry.place)


def _read_condition(entry: Entry, shape: FactShape, fact: str, at: Spot) -> Read[Block]:
    node = entry.value
    if isinstance(node, Mapping) and shape.operators:
        return _read_operators(node, shape, fact, at)
    if shape.plain is None:
        ways = f"like `{shape.example}`; the ways are {listed(shape.operators)}"
        return at.complain(f"{described(node)} cannot stand here: say how `{entry.key}` is compared, {ways}")
    if _needless_operator(entry):
        return at.complain(f"`{fact}` takes its list as it is, like `{shape.example}`")
    values = shape.plain.read(node, at)
    return WRONG if values is WRONG else (Condition(fact, "in", values, entry.place),)


def _needless_operator(entry: Entry) -> bool:
    node = entry.value
    return isinstance(node, Mapping) and [inner.key for inner in node] in (["in"], ["is"])


def _read_operators(node: Mapping, shape: FactShape, fact: str, at: Spot) -> Read[Block]:
    if not node.entries:
        return at.complain(f"the group is empty, write something like `{shape.example}`")
    conditions: list[Condition] = []
    for entry in node:
        operator = shape.operators.get(entry.key)
        if operator is None:
            at.complain(_unknown_operator(entry.key, shape, fact), entry.place)
            continue
        values: Read[tuple[Value, ...]] = operator.read(entry.value, at.key(entry.key, entry.value))
        if values is not WRONG:
            conditions.append(Condition(fact, entry.key, values, entry.place))
    used = [entry.key for entry in node if entry.key in shape.operators]
    if len(used) > 1 and frozenset(used) not in TOGETHER:
        at.complain(
            f"{listed(used)} under one fact would both have to hold: keep one, and write alternatives under `any`",
            node.entries[1].place,
        )
        return WRONG
    return tuple(conditions) if len(conditions) == len(node.entries) else WRONG


def _unknown_operator(word: str, shape: FactShape, fact: str) -> str:
    near = nearest(word, shape.operators)
    way = f", did you mean `{near}`?" if near else f", it is compared by {listed(shape.operators)}"
    if word.startswith(("not", "is_not", "isnt")):
        way = ", what must not hold stands in a block of its own under `not`"
    return f"unknown operator {quoted(word)} for `{fact}`{way}"


def _fact_schema(shape: FactShape) -> JsonSchema:
    forms: list[JsonSchema] = [] if shape.plain is None else [shape.plain.schema]
    if shape.operators:
        operators = {name: operator.schema for name, operator in shape.operators.items()}
        forms.append({"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1})
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def block_schema() -> JsonSchema:
    """The schema of a block, to be kept under `$defs` as `block`."""
    facts = {str(name): _fact_schema(shape) for name, shape in VOCABULARY.items() if name not in WITH_ARGUMENT}
    return {
        "description": "Conditions that must all hold; the values of one list are alternatives.",
        "type": "object",
        "properties": facts,
        "patternProperties": {f"^{name}\\..+$": _fact_schema(VOCABULARY[name]) for name in WITH_ARGUMENT},
        "additionalProperties": False,
        "minProperties": 1,
    }


BLOCK: Final[Shape[Block]] = Shape(_WANTED, pointer("block"), _read_block)
"""Conditions that must all hold."""

WHEN: Final = optional("when", BLOCK, "The conditions that must all hold.", None)
NOT: Final = optional("not", BLOCK, "A block of conditions that must not hold.", None)
ANY: Final = optional("any", sequence(BLOCK, "[{method: [POST]}, {port: [80]}]"), "Blocks of which one must hold.", ())
SELECTION_KEYS: Final = (WHEN, NOT, ANY)
SOMETHING_SELECTED: Final = at_least_one_of(
    "when", "not", "any", why="without conditions it would be about every request"
)


def selection(values: Values) -> Selection:
    """What `when`, `not` and `any` of a clause say together."""
    return Selection(values[WHEN], values[NOT], values[ANY])


def response_facts(values: Values) -> str | None:
    """A fact of the answer that a clause asks for, or None if it can be judged on the request alone."""
    return next(
        (condition.fact for condition in selection(values).conditions if condition.name in RESPONSE_FACTS), None
    )


def lacks_database(values: Values) -> bool:
    """Complain about facts that only a database can tell, in a policy that declares none."""
    if "database" in values.spot.declared.get(LIST, {}).values():
        return False
    asked = [condition for condition in selection(values).conditions if condition.name in NEED_DATABASE]
    for condition in asked:
        values.spot.complain(
            f"`{condition.fact}` is told by a database: declare a list of type `database`, or set `stage: shadow`",
            condition.place,
        )
    return bool(asked)
