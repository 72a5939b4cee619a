"""A decision as sentences for people, and as the object that audit records and programs read.

The sentences say what was decided, by which rule with which words of its author and where it stands, which facts the
rule looked at, what was not known, what an exception lifted, and what rules on trial would have done.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.addresses import Address, special_range
from gateway.policy.builtin import SPECIAL
from gateway.policy.findings import value_of
from gateway.policy.model import FactName, Missing, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gateway.policy.compiled import CompiledPolicy, CompiledRule
    from gateway.policy.model import Decision, Facts, ListHit

SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.ALLOWED_BY_RULE: "allowed by rule `{rule}`",
    Reason.ALLOWED_BY_DEFAULT: "allowed: no rule denies it, and the default is to allow",
    Reason.OWN_PAGE: "allowed: a page of the gateway itself",
    Reason.GUARDRAIL: "denied by guardrail `{rule}`, which no exception lifts",
    Reason.RULE_DENY: "denied by rule `{rule}`",
    Reason.DEFAULT: "denied: no rule allows it, and the default is to deny",
    Reason.RATE_EXCEEDED: "denied by limit `{rule}`: too many requests",
    Reason.CONCURRENCY_EXCEEDED: "denied by limit `{rule}`: too many requests at once",
    Reason.LIMIT_TABLE_FULL: "denied by limit `{rule}`: there is no room to count another client",
    Reason.LIMITS_UNAVAILABLE: "denied by limit `{rule}`: what gateways count together cannot be asked now",
}
"""What the reasons of a policy mean. The reasons of the gateway itself speak for themselves."""

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY: Final = 86400
HOUR: Final = 3600
MINUTE: Final = 60
LONGEST: Final = 120
"""Characters of a value that are shown."""


def explain(decision: Decision, policy: CompiledPolicy, facts: Facts) -> tuple[str, ...]:
    """The decision in lines of text."""
    rule = policy.rules.get(decision.rule or "")
    return (
        SENTENCES.get(decision.reason, f"denied: {decision.reason}").format(rule=decision.rule),
        *_words(decision),
        *(_facts(rule, facts, decision.unknown) if rule is not None else ()),
        *_unknown(decision, rule),
        *_list(decision.hit),
        *_others(decision),
    )


def as_json(decision: Decision) -> dict[str, Any]:
    """The decision as the object `decision` of an audit record, in its order."""
    return {
        "verdict": decision.verdict.value,
        "reason": str(decision.reason),
        "rule": decision.rule,
        "place": decision.place,
        "matched": list(decision.matched),
        "waived": [{"rule": waived.rule, "exception": waived.exception} for waived in decision.waived],
        "shadow": [{"rule": shadow.rule, "action": shadow.action} for shadow in decision.shadow],
        "unknown": [str(name) for name in decision.unknown],
    }


def age_text(seconds: float) -> str:
    """An age in the one unit that says most: `2d`, `5h`, `12min`, `3s`."""
    for unit, length in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"


def moment_text(now: float) -> str:
    """A moment as `Mon 2026-11-23 10:00 UTC`."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{DAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M} UTC"


def value_text(value: object) -> str:
    """A fact's value as people write it; what a client sent at length is cut."""
    if isinstance(value, Missing):
        return value.value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    text = getattr(value, "sent", None) or str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _words(decision: Decision) -> Iterator[str]:
    if decision.message:
        yield f"  reason: {decision.message}"
    if decision.place:
        yield f"  at {decision.place}"
    if decision.retry_after is not None:
        yield f"  next try in {decision.retry_after:.1f} s"


def _facts(rule: CompiledRule, facts: Facts, unknown: Collection[FactName]) -> Iterator[str]:
    for name in sorted(rule.clause.facts):
        if name not in unknown and name is not FactName.HEADER:
            value = value_of(facts, name)
            yield f"  {name} is {moment_text(facts.now) if name is FactName.TIME else value_text(value)}"
            if name is FactName.DESTINATION_IP and rule.id == SPECIAL:
                yield from _special(value)


def _special(destinations: object) -> Iterator[str]:
    """What the closed addresses are, for those who did not know."""
    for address in destinations if isinstance(destinations, tuple) else ():
        if isinstance(address, Address) and (found := special_range(address)) is not None:
            yield f"    {address} is {found.kind}: {found.name}"


def _unknown(decision: Decision, rule: CompiledRule | None) -> Iterator[str]:
    for name in decision.unknown:
        against = "counted against the request" if rule is not None else "so no rule that asks for it allows"
        yield f"  {name} is unknown, {against}"


def _list(hit: ListHit | None) -> Iterator[str]:
    if hit is not None:
        age = "" if hit.age is None else f", {age_text(hit.age)} old"
        yield f"  on list `{hit.name}` as `{hit.entry}`{age}"


def _others(decision: Decision) -> Iterator[str]:
    more = [name for name in decision.matched if name != decision.rule]
    waived = {waived.rule for waived in decision.waived}
    if others := [name for name in more if name not in waived]:
        yield f"  also matched: {', '.join(f'`{name}`' for name in others)}"
    for lifted in decision.waived:
        yield f"  `{lifted.rule}` matched and was lifted by exception `{lifted.exception}`"
    for shadow in decision.shadow:
        would = "denied" if shadow.action == Verdict.DENY.value else "allowed"
        yield f"  on trial: `{shadow.rule}` would have {would} it"
