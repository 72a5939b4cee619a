"""`limits`: how much of what is too much, for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import field_name
from gateway.policy.language.blocks import ANY, NOT, SELECTION_KEYS, WHEN, response_facts
from gateway.policy.language.clauses import LimitDocument
from gateway.policy.language.records import Key, Values, one_of, only_with, optional, record, required
from gateway.policy.language.rule_clauses import ID, STAGE
from gateway.policy.language.scalars import choice, integer, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, sequence
from gateway.policy.language.suggestions import listed, way_out
from gateway.policy.limits import Rate, default_burst
from gateway.policy.model import FactName

if TYPE_CHECKING:
    from gateway.policy.language.clauses import Scope
    from gateway.policy.language.nodes import Node

_KEY_FACTS: Final = (
    FactName.CLIENT_IP,
    FactName.USER,
    FactName.HOST,
    FactName.PORT,
    FactName.METHOD,
    FactName.PATH,
    FactName.TLS_SNI,
)
_MOST: Final = 10**9


def _read_key_fact(node: Node, spot: Spot) -> Read[str]:
    fact = _FACT.read(node, spot)
    if fact is WRONG or fact in _KEY_FACTS:
        return fact
    kind, _, argument = fact.partition(".")
    if kind == FactName.QUERY and argument:
        return fact
    if kind != FactName.HEADER or not argument:
        way = way_out(fact, _KEY_FACTS) or f", keys are {listed(_KEY_FACTS)}, `header.<name>` and `query.<name>`"
        return spot.complain(f"{quoted(fact)} is no key of a limit{way}")
    try:
        return f"{kind}.{field_name(argument)}"
    except Malformed as error:
        return spot.complain(str(error))


_FACT: Final = text("a fact, like `client.ip`")
_KEY_FACT: Final = Shape(
    _FACT.wanted,
    {"anyOf": [{"enum": [str(fact) for fact in _KEY_FACTS]}, {"type": "string", "pattern": "^(?:header|query)\\..+$"}]},
    _read_key_fact,
)

_KEY: Final = required("key", sequence(_KEY_FACT, "[client.ip]"), "The facts that tell apart who is counted.")
_RATE: Final = optional("rate", text("a rate, like `600/min`").then(Rate.parse), "Requests in a time.", None)
_BURST: Final = optional("burst", integer(1, _MOST), "How many of them may come at once.", None)
_SCOPES: Final[Shape[Scope]] = choice(("machine", "cluster"))
_SCOPE: Final[Key[Scope]] = optional(
    "scope", _SCOPES, "Who counts together: one machine, or all gateways of a store.", "machine"
)
_CONCURRENT: Final = optional("concurrent", integer(1, _MOST), "Exchanges that may run at the same time.", None)


def _limit(values: Values) -> Read[LimitDocument]:
    if (fact := response_facts(values)) is not None:
        return values.spot.complain(f"a limit counts requests, and `{fact}` is known only when one was answered")
    rate = values[_RATE]
    if rate is None:
        return _built(values, None)
    amount, period = rate
    burst = values[_BURST] or default_burst(amount, period)
    return _built(values, Rate(amount=amount, period=period, burst=burst))


def _built(values: Values, rate: Rate | None) -> LimitDocument:
    return LimitDocument(
        id=values[ID],
        key=values[_KEY],
        rate=rate,
        concurrent=values[_CONCURRENT],
        when=values[WHEN],
        not_=values[NOT],
        any=values[ANY],
        stage=values[STAGE],
        scope=values[_SCOPE],
        place=values.place,
    )


_LIMIT: Final = record(
    (ID, _KEY, _RATE, _BURST, _CONCURRENT, _SCOPE, *SELECTION_KEYS, STAGE),
    _limit,
    wanted="a limit, like `{id: per-client, key: [client.ip], rate: 600/min}`",
    rules=(
        one_of("rate", "concurrent", why="a limit is one of the two, write a second limit for the other"),
        only_with("rate", "burst", why="it says how many of the rate may come at once"),
    ),
)
LIMITS: Final = sequence(_LIMIT, "[{id: per-client, key: [client.ip], rate: 600/min}]", may_be_empty=True)
