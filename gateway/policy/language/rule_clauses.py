"""`guardrails`, `rules` and `exceptions`: what is denied, what is allowed, and which denial is lifted for whom."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.blocks import ANY, NOT, SELECTION_KEYS, SOMETHING_SELECTED, WHEN, lacks_database
from gateway.policy.language.clauses import Action, ExceptionDocument, RuleDocument, Stage
from gateway.policy.language.declared import CLAUSE
from gateway.policy.language.records import Values, optional, record, required
from gateway.policy.language.scalars import RULE_ID, choice, sentence, text
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, sequence
from gateway.policy.language.suggestions import nearest

if TYPE_CHECKING:
    from gateway.policy.language.nodes import Node

_ACTIONS: Final[tuple[Action, ...]] = ("allow", "deny")
_STAGES: Final[tuple[Stage, ...]] = ("enforce", "shadow", "off")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

ACTION: Final[Shape[Action]] = choice(_ACTIONS, "`allow` or `deny`")
STAGE: Final = optional(
    "stage", choice(_STAGES), "`enforce` decides, `shadow` is only recorded, `off` is left out.", _STAGES[0]
)
ID: Final = required("id", RULE_ID, "The name under which decisions and records speak of this.")
REASON: Final = required("reason", sentence("a sentence for the people who are refused"), "Why; shown to people.")

_ACTION: Final = required("action", ACTION, "What happens to a request that matches.")


def _rule(values: Values) -> Read[RuleDocument]:
    return _built(values, values[_ACTION])


def _guardrail(values: Values) -> Read[RuleDocument]:
    return _built(values, "deny")


def _built(values: Values, action: Action) -> Read[RuleDocument]:
    if values[STAGE] == "enforce" and lacks_database(values):
        return WRONG
    return RuleDocument(
        id=values[ID],
        action=action,
        reason=values[REASON],
        when=values[WHEN],
        not_=values[NOT],
        any=values[ANY],
        stage=values[STAGE],
        place=values.place,
    )


def _no_action(key: str) -> str | None:
    return "a guardrail always denies, leave `action` out" if key == "action" else None


_RULE: Final = record(
    (ID, _ACTION, REASON, *SELECTION_KEYS, STAGE),
    _rule,
    wanted="a rule, like `{id: no-ads, action: deny, reason: Advertising, when: {...}}`",
    rules=(SOMETHING_SELECTED,),
)
_GUARDRAIL: Final = record(
    (ID, REASON, *SELECTION_KEYS, STAGE),
    _guardrail,
    wanted="a guardrail, like `{id: office-only, reason: Not an office network, when: {...}}`",
    rules=(SOMETHING_SELECTED,),
    also=_no_action,
)

RULES: Final = sequence(_RULE, "[{id: ..., action: deny, reason: ..., when: {...}}]", may_be_empty=True)
GUARDRAILS: Final = sequence(_GUARDRAIL, "[{id: ..., reason: ..., when: {...}}]", may_be_empty=True)

# --- exceptions -------------------------------------------------------------------------------------------------------


def _read_waived(node: Node, spot: Spot) -> Read[str]:
    name = _RULE_NAME.read(node, spot)
    if name is WRONG:
        return WRONG
    clauses = spot.declared.get(CLAUSE, {})
    kind = clauses.get(name)
    if name.startswith("builtin-") or kind == "guardrail":
        return spot.complain(f"{quoted(name)} is a guardrail, and no exception lifts a guardrail: narrow it by `not`")
    if kind is None:
        near = nearest(name, (known for known, word in clauses.items() if word == "deny"))
        return spot.complain(f"there is no rule {quoted(name)}" + (f", did you mean `{near}`?" if near else " to lift"))
    if kind == "allow":
        return spot.complain(f"{quoted(name)} allows, an exception lifts rules that deny")
    if kind not in {"deny", ""}:
        return spot.complain(f"{quoted(name)} is {_article(kind)}, an exception lifts rules that deny")
    return name


def _article(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "aeiou" else f"a {kind}"


def _parse_day(written: str) -> date:
    try:
        if _DATE.fullmatch(written):
            return date.fromisoformat(written)
    except ValueError:
        raise Malformed(f"{quoted(written)} is no day of the calendar") from None
    raise Malformed(f"{quoted(written)} is no date, write it like `2026-12-31`")


_RULE_NAME: Final = text("the id of a rule")
_WAIVED: Final = Shape(_RULE_NAME.wanted, _RULE_NAME.schema, _read_waived)
_DAY: Final = text("a date, like `2026-12-31`").then(_parse_day, type="string", format="date")

_WAIVES: Final = required("waives", sequence(_WAIVED, "[no-uploads]"), "The deny rules that are lifted.")
_EXPIRES: Final = required("expires", _DAY, "The last day of the exception (UTC).")
_OWNER: Final = required("owner", text("somebody to ask, like `alice@example.com`"), "Who answers for the exception.")


def _exception(values: Values) -> Read[ExceptionDocument]:
    if lacks_database(values):
        return WRONG
    return ExceptionDocument(
        id=values[ID],
        waives=values[_WAIVES],
        expires=values[_EXPIRES],
        owner=values[_OWNER],
        reason=values[REASON],
        when=values[WHEN],
        not_=values[NOT],
        any=values[ANY],
        place=values.place,
    )


_EXCEPTION: Final = record(
    (ID, _WAIVES, *SELECTION_KEYS, _EXPIRES, _OWNER, REASON),
    _exception,
    wanted="an exception, like `{id: ex-1, waives: [no-ads], when: {...}, expires: ..., owner: ..., reason: ...}`",
    rules=(SOMETHING_SELECTED,),
)
EXCEPTIONS: Final = sequence(_EXCEPTION, "[{id: ..., waives: [...], ...}]", may_be_empty=True)
