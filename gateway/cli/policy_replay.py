"""`wicketgate policy replay`: what another policy would have said to the traffic on record.

0: nothing would change. 1: something would. 3: nothing is sure to change, but not everything can be told.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK
from gateway.cli.output import answer
from gateway.cli.policy_files import open_policy
from gateway.cli.policy_log import nothing_found, traffic, uncollected
from gateway.policy.compile import compile_policy
from gateway.policy.model import FactName
from gateway.replay.asking import asked_by
from gateway.replay.grouping import Change, Group, Tally, top
from gateway.replay.replaying import Replay, Replayed, nowhere

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.cli.policy_files import PolicyFile
    from gateway.cli.policy_log import Traffic
    from gateway.policy.addresses import Address
    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.model import Fact
    from gateway.replay.asking import Asked
    from gateway.replay.replaying import Locate

_SHOWN: Final = 5
_WHERE: Final = frozenset({FactName.DESTINATION_COUNTRY, FactName.DESTINATION_ASN})
_NEVER_HELD: Final = {
    FactName.HEADER: "values of fields (but for those that `audit.field_values` names)",
    FactName.QUERY: "values of query parameters (but for those that `audit.query_values` names)",
}


def replay(arguments: argparse.Namespace, now: float) -> int:
    """Answer, and say how sure the answer is. Raises Unusable and Invalid for what cannot be used."""
    chosen = traffic(arguments, now)
    with uncollected():
        result, asked = _walked(arguments.policy, chosen, now)
    notes = tuple(_notes(result, asked))
    answer(arguments.format, _lines(arguments.policy, result, notes), _data(arguments.policy, result, notes))
    return exit_code(result)


def exit_code(result: Replayed) -> int:
    """0, 1 or 3, see the head of this module."""
    groups = result.groups
    if any(groups.count(change) for change in Change if change is not Change.CANNOT_TELL):
        return FINDINGS
    return CANNOT_DECIDE if groups.count(Change.CANNOT_TELL) else OK


def _walked(path: Path, chosen: Traffic, now: float) -> tuple[Replayed, Asked]:
    records = chosen.records()
    if (first := next(records, None)) is None:
        raise nothing_found(chosen)
    policy, asked = _prepared(path, chosen, now)
    walk = Replay(policy, asked, _locate(policy))
    walk.take(chain((first,), records))
    if not (result := walk.result()).requests:
        raise nothing_found(chosen)
    return result, asked


def _prepared(path: Path, chosen: Traffic, now: float) -> tuple[CompiledPolicy, Asked]:
    """The policy, compiled as the gateway of the log would have it, and what it asks."""
    if chosen.mode is None:
        raise nothing_found(chosen)
    opened: PolicyFile = open_policy(path, chosen.mode, now)
    policy = compile_policy(opened.document, opened.lists, mode=chosen.mode, own=frozenset(chosen.own))
    return policy, asked_by(opened.document, policy)


def _locate(policy: CompiledPolicy) -> Locate:
    if not policy.databases:
        return nowhere
    from gateway.lists.geography import Geography

    geography = Geography()

    def locate(databases: Sequence[tuple[str, str]], addresses: Sequence[Address]) -> tuple[Fact[str], Fact[int]]:
        found = geography.find(databases, addresses)
        return found.country, found.asn

    return locate


def _lines(path: Path, result: Replayed, notes: tuple[str, ...]) -> Iterator[str]:
    listeners = ", ".join(f"`{name}`" for name in sorted(result.listeners))
    yield f"{path}: {_many(result.requests)} of {listeners}, {result.first} to {result.last}"
    yield f"  {result.groups.same} stay as they are"
    for change in Change:
        if count := result.groups.count(change):
            yield f"  {count} {change}"
    for group in result.groups.sorted():
        yield ""
        yield from _group_lines(group)
    yield ""
    yield from (f"note: {note}" for note in notes)


def _group_lines(group: Group) -> Iterator[str]:
    if group.change is Change.CANNOT_TELL:
        yield f"cannot tell, because {_listed(group.after.missing)} is not on record: {_many(group.count)}"
        yield f"  was {group.before.phrase}; still open: {', '.join(f'`{rule}`' for rule in group.after.open)}"
    else:
        yield f"{group.change}: {_many(group.count)}, {group.before.phrase} -> {group.after.phrase}"
    if group.is_by_limits:
        yield "  by limits, whose counters began at zero: a few requests more or less"
    yield from _top_lines("host", group.hosts)
    yield from _top_lines("client", group.clients)


def _top_lines(what: str, tallies: dict[str, Tally]) -> Iterator[str]:
    for name, tally in top(tallies, _SHOWN):
        yield f"  {what} {name}: {tally.count}, like {tally.example}"
    if len(tallies) > _SHOWN:
        yield f"  and {len(tallies) - _SHOWN} {what}s more"


def _notes(result: Replayed, asked: Asked) -> Iterator[str]:
    """What the answer does not know, as far as this policy asks for it."""
    if result.under_it:
        yield f"{result.under_it} were decided under this very policy and these lists, so nothing can change for them"
    for fact, what in _NEVER_HELD.items():
        if fact in asked.facts:
            yield f"this policy asks for `{fact}`, and the log does not hold {what}"
    if any(FactName.PATH in group.after.missing for group in result.groups.sorted()):
        yield "a path that came in another spelling, or held what looks like a credential, is not on record as it came"
    if asked.facts & _WHERE:
        yield "destinations were looked up in the databases of today"
    yield "lists are those of today, not those of the time"
    for name, missing in sorted(result.unsaid.items()):
        yield f"limit `{name}` was not counted wherever {_listed(tuple(sorted(missing)))} is not on record"
    if result.left_out:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.left_out.items()))
        yield f"left out, for no policy decided them: {reasons}"
    if result.unfinished:
        yield f"{result.unfinished} had not ended, as far as the log goes"


def _data(path: Path, result: Replayed, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "policy": str(path),
        "requests": result.requests,
        "listeners": dict(sorted(result.listeners.items())),
        "first": result.first,
        "last": result.last,
        "same": result.groups.same,
        "under_this_policy": result.under_it,
        "changes": {change.name.lower(): result.groups.count(change) for change in Change},
        "groups": [_group_data(group) for group in result.groups.sorted()],
        "left_out": dict(sorted(result.left_out.items())),
        "notes": list(notes),
    }


def _group_data(group: Group) -> dict[str, Any]:
    data: dict[str, Any] = {
        "change": group.change.name.lower(),
        "requests": group.count,
        "example": group.example,
        "before": _outcome_data(group.before),
        "after": None if group.after.verdict is None else _outcome_data(group.after),
        "by_limits": group.is_by_limits,
    }
    if group.after.verdict is None:
        data |= {"missing": list(group.after.missing), "open": list(group.after.open)}
    for what, tallies in (("hosts", group.hosts), ("clients", group.clients)):
        data[what] = [{"name": name, "requests": each.count, "example": each.example} for name, each in top(tallies)]
        data[f"more_{what}"] = max(len(tallies) - len(data[what]), 0)
    return data


def _outcome_data(outcome: Any) -> dict[str, Any]:
    verdict = None if outcome.verdict is None else outcome.verdict.value
    return {"verdict": verdict, "reason": outcome.reason, "rule": outcome.rule}


def _many(count: int) -> str:
    return f"{count} request{'s' * (count != 1)}"


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)
