"""Walls: denies that would close tunnels for want of a fact that nobody can learn from outside.

A tunnel that is passed on unread has no method, path, fields or sizes that the gateway could see. A deny that asks
for one of them counts it as matching, so every such tunnel to a host that the deny may concern would be closed. That
is safe and surprises everybody, so it is an error at load, unless the deny cannot concern a tunnel that the policy
passes on: because of its other conditions, or because it and every splice name different hosts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.clausing import hosts_of
from gateway.policy.language.conditions import Selection
from gateway.policy.matchers.context import Context
from gateway.policy.matchers.selections import selection_matcher
from gateway.policy.matchers.sides import Side
from gateway.policy.model import ABSENT, OPEN_FACTS, FactName, Facts
from gateway.policy.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.policy.hostindex import HostNames
    from gateway.policy.language.clauses import RuleDocument
    from gateway.policy.language.conditions import Block
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.lists import ListContent

UNSEEN: Final = OPEN_FACTS | {FactName.METHOD, FactName.PATH, FactName.HEADER, FactName.QUERY}
"""What cannot be seen of a tunnel from outside."""

SPLICED: Final = Facts(now=0.0, connect=True, protocol="tcp", scheme="https", tls_inspected=False)
"""All that is certain of TLS that is passed on unread."""

RAW: Final = Facts(now=0.0, connect=True, protocol="tcp", tls_inspected=ABSENT, tls_sni=ABSENT, tls_version=ABSENT)
"""All that is certain of a tunnel that holds something other than TLS and HTTP."""

WAYS_OUT: Final = (
    "add `protocol: [http/1.1, h2, h3, websocket]` to its `when`, or `not: {tls.inspected: [false]}`, "
    "or inspect these hosts"
)


def wall_problems(document: PolicyDocument, lists: Mapping[str, ListContent]) -> Iterator[Problem]:
    """The denies of a forward policy that would be walls."""
    context = Context(lists, document.groups)
    passed = tuple(_passed_on(document))
    guardrails = [(f"guardrails[{index}]", rule) for index, rule in enumerate(document.guardrails)]
    rules = [(f"rules[{index}]", rule) for index, rule in enumerate(document.rules)]
    for path, rule in (*guardrails, *rules):
        unseen = [condition for condition in rule.selection.conditions if condition.name in UNSEEN]
        if rule.action != "deny" or rule.stage != "enforce" or not unseen:
            continue
        for tunnel, hosts, why in passed:
            if _concerns(rule, tunnel, hosts, context):
                sentence = f"`{unseen[0].fact}` of a tunnel is never known, and {why}: all of those would be denied"
                yield Problem(unseen[0].place, path, f"{sentence}; {WAYS_OUT}")
                break


def _passed_on(document: PolicyDocument) -> Iterator[tuple[Facts, HostNames | None, str]]:
    """What is known of the tunnels that are passed on, the hosts they are limited to, and which clause does it."""
    if document.tls.inspect != "all":
        yield SPLICED, None, "`tls.inspect` is not `all`"
    for splice in document.tls.splice:
        yield SPLICED, hosts_of(splice.selection), f"`{splice.id}` passes tunnels on unread"
    for rule in document.rules:
        if rule.action == "allow" and rule.stage == "enforce":
            for condition in rule.selection.conditions:
                if condition.fact == FactName.PROTOCOL and "tcp" in condition.values:
                    yield RAW, hosts_of(rule.selection), f"`{rule.id}` allows `protocol: [tcp]`"


def _concerns(rule: RuleDocument, tunnel: Facts, hosts: HostNames | None, context: Context) -> bool:
    if selection_matcher(_at_any_time(rule.selection), context, Side.RESTRAINS)(tunnel) is False:
        return False
    named = hosts_of(rule.selection)
    return named is None or hosts is None or named.overlaps(hosts)


def _at_any_time(selection: Selection) -> Selection:
    """The selection without its hours: a wall that stands in the afternoon is a wall."""

    def timeless(block: Block) -> Block:
        return tuple(condition for condition in block if condition.name != FactName.TIME)

    when = None if selection.when is None else timeless(selection.when)
    excluded = selection.not_ if selection.not_ is not None and timeless(selection.not_) == selection.not_ else None
    return Selection(when, excluded, tuple(map(timeless, selection.any)))
