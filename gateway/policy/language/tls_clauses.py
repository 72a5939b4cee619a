"""`tls`: which tunnels are opened for inspection, and which are passed through as they are.

The answer is due when the client has said hello and no request exists yet. A condition on anything later could never
hold, so it is an error instead of a tunnel that is opened against its author's will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gateway.policy.language.blocks import ANY, BLOCK, NOT, SELECTION_KEYS, SOMETHING_SELECTED, WHEN, selection
from gateway.policy.language.clauses import SpliceDocument, TlsDocument
from gateway.policy.language.records import Values, optional, record
from gateway.policy.language.rule_clauses import ID, REASON
from gateway.policy.language.scalars import choice
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, by_kind, sequence
from gateway.policy.model import FactName

if TYPE_CHECKING:
    from gateway.policy.language.conditions import Block, Condition

AFTER_HELLO: Final = frozenset(
    {
        FactName.METHOD,
        FactName.SCHEME,
        FactName.PATH,
        FactName.HEADER,
        FactName.QUERY,
        FactName.REQUEST_SIZE,
        FactName.RESPONSE_SIZE,
        FactName.RESPONSE_STATUS,
        FactName.RESPONSE_TYPE,
        FactName.PROTOCOL,
        FactName.TLS_INSPECTED,
    }
)
"""What nobody knows when a tunnel is opened or passed through."""

_ALL_OR_NONE: Final[tuple[Literal["all", "none"], ...]] = ("all", "none")
_WORD: Final[Shape[Literal["all", "none"] | Block]] = choice(_ALL_OR_NONE).then(lambda word: word)
_TUNNELS: Final[Shape[Literal["all", "none"] | Block]] = BLOCK.then(lambda block: block)

_INSPECT: Final = optional(
    "inspect",
    by_kind("`all`, `none`, or conditions like `{host: {under: [example.com]}}`", scalar=_WORD, mapping=_TUNNELS),
    "Which tunnels are opened: all, none, or those that meet the conditions.",
    _ALL_OR_NONE[0],
)


def _too_late(conditions: tuple[Condition, ...], spot: Spot) -> bool:
    late = [condition for condition in conditions if condition.name in AFTER_HELLO]
    for condition in late:
        spot.complain(
            f"`{condition.fact}` is not known yet when a tunnel is opened, ask for `host`, `client.ip` or `user`",
            condition.place,
        )
    return bool(late)


def _splice(values: Values) -> Read[SpliceDocument]:
    if _too_late(selection(values).conditions, values.spot):
        return WRONG
    return SpliceDocument(
        id=values[ID],
        reason=values[REASON],
        when=values[WHEN],
        not_=values[NOT],
        any=values[ANY],
        place=values.place,
    )


_SPLICE_RECORD: Final = record(
    (ID, REASON, *SELECTION_KEYS),
    _splice,
    wanted="tunnels to pass through, like `{id: bank-privacy, reason: ..., when: {host: {under: [bank.example]}}}`",
    rules=(SOMETHING_SELECTED,),
)
_SPLICE: Final = optional(
    "splice",
    sequence(_SPLICE_RECORD, "[{id: ..., reason: ..., when: {...}}]", may_be_empty=True),
    "Tunnels that are passed through unopened.",
    (),
)


def _tls(values: Values) -> Read[TlsDocument]:
    inspect, node = values[_INSPECT], values.node.get("inspect")
    if isinstance(inspect, tuple) and node is not None and _too_late(inspect, values.spot.key("inspect", node)):
        return WRONG
    return TlsDocument(inspect=inspect, splice=values[_SPLICE], place=values.place)


TLS: Final = record((_INSPECT, _SPLICE), _tls, wanted="`{inspect: all, splice: [...]}`")
"""The `tls` of a policy."""
