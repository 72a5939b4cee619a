"""What a decision record says besides its line, in sentences: which rule, where it stands, what else matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.audit.records.lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.audit.records.record import Record


def told(record: Record) -> list[str]:
    """The sentences about a decision, none of which moves the cursor of a terminal; none for other records."""
    if record.get("event") != "decision":
        return []
    return [printable(each) for each in _sentences(record)]


def rule_of(record: Record) -> str:
    """Who decided, with the place: "rule `no-ads` at corporate.yaml:33"; the reason where no rule did."""
    decision = part(record, "decision")
    rule, place, reason = decision.get("rule"), decision.get("place"), str(decision.get("reason"))
    kind = "guardrail" if reason == "guardrail" else "limit" if reason.endswith("-exceeded") else "rule"
    if rule is None:
        return f"reason `{reason}`, no rule decided it"
    return f"{kind} `{rule}`" + (f" at {place}" if place else ", which is built in")


def part(record: Record, name: str) -> Mapping[str, Any]:
    """An object of a record; an empty one if it has none of that name."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _sentences(record: Record) -> Iterator[str]:
    decision, client = part(record, "decision"), part(record, "client")
    yield f"decided by {rule_of(record)}" if decision.get("rule") else rule_of(record)
    if decision.get("detail"):
        yield f"because: {decision['detail']}"
    yield from _list(part(record, "list"))
    yield from _others(decision)
    groups = f", in {', '.join(client['groups'])}" if client.get("groups") else ""
    yield f"client {client.get('ip') or 'unknown'}" + (f", user {client['user']}{groups}" if client.get("user") else "")
    yield from _way(record)
    policy = part(record, "policy")
    yield f"policy {policy.get('name')}, {policy.get('digest')}, on listener {record.get('listener')}"
    if record.get("masked"):
        yield f"masked: {', '.join(map(str, _items(record.get('masked'))))}"


def _list(hit: Mapping[str, Any]) -> Iterator[str]:
    if hit:
        age = f", {hit['age']} old" if hit.get("age") else ""
        yield f"on list `{hit.get('name')}` as `{hit.get('entry')}`{age}"


def _others(decision: Mapping[str, Any]) -> Iterator[str]:
    waived = {str(each.get("rule")): each.get("exception") for each in _items(decision.get("waived"))}
    more = [each for each in _items(decision.get("matched")) if each != decision.get("rule") and each not in waived]
    if more:
        yield f"also matched: {', '.join(f'`{each}`' for each in more)}"
    for rule, exception in waived.items():
        yield f"`{rule}` matched and was lifted by exception `{exception}`"
    for shadow in _items(decision.get("shadow")):
        yield f"on trial: `{shadow.get('rule')}` would have said {shadow.get('action')}"
    if unknown := _items(decision.get("unknown")):
        yield f"not known when it was decided: {', '.join(map(str, unknown))}"


def _way(record: Record) -> Iterator[str]:
    tls, destination = part(record, "tls"), part(record, "destination")
    if tls:
        yield f"TLS {tls.get('mode') or 'not yet opened'}, server name {tls.get('sni') or 'none'}"
    if destination:
        answers = ", ".join(map(str, _items(destination.get("answers"))))
        through = f" through {destination['parent']}" if destination.get("parent") else ""
        yield f"destination {destination.get('ip')}{through}" + (f", judged: {answers}" if answers else "")
    for limit in _items(record.get("limits")):
        yield f"limit `{limit.get('id')}`: {limit.get('remaining')} of {limit.get('quota')} left"


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
